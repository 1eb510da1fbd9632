import type { Logger } from 'pino';
import type { FiringMeans } from '../../schedules/firings/submit-firing.js';
import type { SendNotice } from '../../schedules/firings/report-skips.js';
import type { ActivityLimits } from '../limits.js';

/** Dependencies of the activities of a schedule's runs: opened and closed by the worker. */
export interface FiringDependencies extends FiringMeans {
  /** Absent if no notices are configured. */
  readonly notify?: SendNotice | undefined;
  readonly log: Logger;
  readonly limits: Pick<ActivityLimits, 'firingFaultMs' | 'firingStartMs'>;
}
