import type { FiringDependencies } from './firing/firing-dependencies.js';
import type { FiringActivities } from '../workflows/protocol/firing-activities.js';
import { cancelFiringActivity, followFiringActivity } from './firing/follow-firing.js';
import { startFiringActivity } from './firing/start-firing.js';

/** The activities of schedules' firings. */
export function createFiringActivities(dependencies: FiringDependencies): FiringActivities {
  return {
    startFiring: startFiringActivity(dependencies),
    followFiring: followFiringActivity(dependencies),
    cancelFiring: cancelFiringActivity(dependencies),
  };
}
