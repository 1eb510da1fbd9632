/** Why a batch pauses itself: it buys nothing more until a person has decided. `budget`: it would exceed its budget; `canary`: its first rows need a review; `prices`: a budget that waited for a worker could not be set, for lack of prices. */
export const PAUSE_KINDS = ['budget', 'canary', 'prices'] as const;
export type PauseKind = (typeof PAUSE_KINDS)[number];

/** An active pause. */
export interface Pause {
  readonly kind: PauseKind;
  /** For users: why, and how to continue. */
  readonly message: string;
  /** ISO 8601. */
  readonly since: string;
  /** When it ends by itself, ISO 8601; absent: not before a person decides. */
  readonly until?: string;
}

/** The pauses plus one, which replaces one of the same kind. */
export function withPause(pauses: readonly Pause[], pause: Pause): readonly Pause[] {
  return [...withoutPause(pauses, pause.kind), pause];
}

/** The pauses except those of one kind. */
export function withoutPause(pauses: readonly Pause[], kind: PauseKind): readonly Pause[] {
  return pauses.filter((pause) => pause.kind !== kind);
}
