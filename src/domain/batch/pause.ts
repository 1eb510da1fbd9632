/**
 * What a batch pauses for by itself: nothing more is bought until a person has seen it. `budget`: it would cost more than it
 * may; `canary`: its first rows are to be looked at.
 */
export const PAUSE_KINDS = ['budget', 'canary'] as const;
export type PauseKind = (typeof PAUSE_KINDS)[number];

/** A pause in force. */
export interface Pause {
  readonly kind: PauseKind;
  /** For a person: why, and how to continue. */
  readonly message: string;
  /** ISO 8601. */
  readonly since: string;
  /** When it ends by itself, ISO 8601; absent: it waits for a person. */
  readonly until?: string;
}

/** The pauses with one more; one of the same kind takes its place. */
export function withPause(pauses: readonly Pause[], pause: Pause): readonly Pause[] {
  return [...withoutPause(pauses, pause.kind), pause];
}

/** The pauses without those of a kind. */
export function withoutPause(pauses: readonly Pause[], kind: PauseKind): readonly Pause[] {
  return pauses.filter((pause) => pause.kind !== kind);
}
