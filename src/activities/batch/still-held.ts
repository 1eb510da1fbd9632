import { ApplicationFailure } from '@temporalio/common';

/** The type of a probe's failure. */
export const STILL_HELD = 'StillHeld';

/** Fails a probe until the balance has grown. */
export function outOfFunds(available: string): ApplicationFailure {
  return retryable(
    `Out of funds: ${available} available. Top up the account; the batch continues by itself.`,
  );
}

/** Fails a probe that Temporal is to repeat, after that time if it is given. */
export function retryable(message: string, nextRetryDelay?: number): ApplicationFailure {
  return ApplicationFailure.create({
    type: STILL_HELD,
    message,
    ...(nextRetryDelay !== undefined && { nextRetryDelay }),
  });
}
