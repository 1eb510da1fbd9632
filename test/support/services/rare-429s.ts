/**
 * Rates of 429s for a sandbox in which everything misbehaves now and then. They concern the account, and keep its whole
 * worker and batch back: at a few per cent of all calls nothing else would be seen.
 */
export const RARE_429S = {
  'create-429-seconds': 0.001,
  'create-429-date': 0.001,
  'poll-429-seconds': 0.001,
  'poll-429-date': 0.001,
} as const;
