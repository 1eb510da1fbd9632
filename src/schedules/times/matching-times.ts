import { ScheduleNotFoundError, type Client } from '@temporalio/client';
import { optionalDateToTs, tsToDate } from '@temporalio/common/lib/time.js';
import { z } from 'zod';
import type { ScheduleName } from '../../domain/batch/schedule-name.js';
import { scheduleId } from '../../workflows/protocol/names.js';

// gRPC's code NOT_FOUND.
const NotFound = z.object({ code: z.literal(5) });

/**
 * The times of a schedule by its present spec and jitter, from `from` to `to`, both included; in order, and about a
 * thousand at most. Throws ScheduleNotFoundError.
 */
export async function matchingTimes(
  client: Client,
  name: ScheduleName,
  { from, to }: { readonly from: Date; readonly to: Date },
): Promise<readonly Date[]> {
  try {
    const { startTime } = await client.workflowService.listScheduleMatchingTimes({
      namespace: client.options.namespace,
      scheduleId: scheduleId(name),
      // The server excludes the exact start time.
      startTime: optionalDateToTs(new Date(from.getTime() - 1)) ?? null,
      endTime: optionalDateToTs(to) ?? null,
    });
    return startTime.map(tsToDate);
  } catch (error) {
    if (!NotFound.safeParse(error).success) throw error;
    throw new ScheduleNotFoundError('Temporal has no such schedule.', scheduleId(name));
  }
}
