import { hash } from 'node:crypto';

/** What decides a draw, and nothing else: no clock, and not where a row stands in its sheet. */
export interface DrawPlace {
  readonly seed: string;
  /** What the ids of the row's record begin with. */
  readonly base: string;
  /** 1-based number of the image among those of its record. */
  readonly replica: number;
  /** 0-based place of the choices in the template. */
  readonly place: number;
}

const DRAWN_HEX_DIGITS = 12;

/**
 * A number from 0 to `count` - 1, each as likely as any other, and the same on every machine. What is hashed, and how, must
 * not change: other draws would be other prompts, and so buy images again.
 */
export function drawn({ seed, base, replica, place }: DrawPlace, count: number): number {
  const digest = hash('sha256', JSON.stringify(['draw', seed, base, replica, place]), 'hex');
  return Math.floor(
    (Number.parseInt(digest.slice(0, DRAWN_HEX_DIGITS), 16) / 16 ** DRAWN_HEX_DIGITS) * count,
  );
}
