/**
 * Rates of 429s for a sandbox in which everything misbehaves occasionally. They concern the account, and slow down its
 * whole worker and batch: at a few per cent of all calls no other misbehaviour would be seen.
 */
export const RARE_429S = {
  'create-429-seconds': 0.001,
  'create-429-date': 0.001,
  'poll-429-seconds': 0.001,
  'poll-429-date': 0.001,
} as const;
