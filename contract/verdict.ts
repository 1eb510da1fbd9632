/** The parts of the contract page, as its headings name them. */
export type Section =
  | 'Base URL and authentication'
  | 'Models and endpoints'
  | 'Jobs'
  | 'Account'
  | 'Webhooks'
  | 'Errors'
  | 'Result images'
  | 'Our client';

/**
 * The result of a check. A `finding` is an answer to a question that the contract leaves open: neither right nor wrong.
 */
export type Verdict =
  | { readonly kind: 'pass'; readonly note?: string }
  | { readonly kind: 'fail'; readonly expected: string; readonly came: string }
  | {
      readonly kind: 'skipped';
      readonly why: string;
      /** The flag that enables it, if there is one: `with --input-image`. */
      readonly enable?: string;
    }
  | { readonly kind: 'finding'; readonly says: string };

/** A rule of the contract, or a question that it leaves open, and its section. */
export interface Rule {
  /** Stable: scripts may compare two runs by it. */
  readonly id: string;
  readonly sentence: string;
  readonly section: Section;
}

/** One line of the result. */
export interface Result extends Rule {
  readonly cost: Cost;
  readonly verdict: Verdict;
}

/**
 * What a check costs: nothing; nothing if the rule holds, and otherwise an image; nothing beyond the images of the
 * plan, whose evidence it uses.
 */
export type Cost = 'nothing' | 'nothing if it holds' | 'the images of the plan';

/** A case of a rule: it holds, it is violated (with what was received), or it cannot be decided. */
export type Outcome =
  | { readonly kind: 'holds' }
  | { readonly kind: 'broken'; readonly what: string; readonly came: string }
  | { readonly kind: 'undecided'; readonly why: string; readonly enable?: string };

export const HOLDS: Outcome = { kind: 'holds' };

export function broken(what: string, came: string): Outcome {
  return { kind: 'broken', what, came };
}

const MOST_SHOWN = 3;

/** The verdict over all cases of a rule: a violated one decides, then one that cannot be decided. */
export function verdictOf(
  expected: string,
  outcomes: readonly Outcome[],
  cases = 'case',
  none = 'there was nothing to check',
): Verdict {
  const broken = outcomes.filter((outcome) => outcome.kind === 'broken');
  if (broken.length > 0) {
    const shown = broken.slice(0, MOST_SHOWN).map(({ what, came }) => `${what}: ${came}`);
    const more = broken.length > MOST_SHOWN ? [`and ${broken.length - MOST_SHOWN} more`] : [];
    return { kind: 'fail', expected, came: [...shown, ...more].join('; ') };
  }
  const undecided = outcomes.find((outcome) => outcome.kind === 'undecided');
  if (undecided !== undefined) {
    const { why, enable } = undecided;
    return { kind: 'skipped', why, ...(enable === undefined ? {} : { enable }) };
  }
  if (outcomes.length === 0) return { kind: 'skipped', why: none };
  return { kind: 'pass', note: counted(outcomes.length, cases) };
}

/** A number with its noun; `one` is the singular. */
export function counted(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`;
}
