import type { Logger } from 'pino';
import type { FiringMeans } from '../../schedules/firings/submit-firing.js';
import type { TellEvent } from '../../schedules/firings/tell-skips.js';
import type { ActivityLimits } from '../limits.js';

/** What the activities of firings are given: opened by the worker, closed by the worker. */
export interface FiringDependencies extends FiringMeans {
  /** Absent where no one wants to hear. */
  readonly tell?: TellEvent | undefined;
  readonly log: Logger;
  readonly limits: Pick<ActivityLimits, 'firingFaultMs' | 'firingStartMs'>;
}
