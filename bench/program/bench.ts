import type { BenchRow } from './row.js';

/** An option of a bench: a positive number. */
export interface BenchOption {
  readonly default: number;
  /** With `--quick`, where every bench ends within two minutes. */
  readonly quick: number;
  readonly help: string;
}

/** Reports progress in one line. */
export type Say = (line: string) => void;

export type BenchValues = Readonly<Record<string, number>>;

/** A bench as the program knows it; its code is loaded only when it runs. */
export interface Bench {
  readonly name: string;
  /** Verb first, without a full stop. */
  readonly summary: string;
  readonly options: Readonly<Record<string, BenchOption>>;
  /** Measures with the given values, and the defaults of other options. */
  readonly measure: (values: BenchValues, say: Say) => Promise<readonly BenchRow[]>;
}

/** A bench whose `run` receives a value for each of its options, as its type says. */
export function defineBench<Option extends string>({
  name,
  summary,
  options,
  run,
}: {
  readonly name: string;
  readonly summary: string;
  readonly options: Readonly<Record<Option, BenchOption>>;
  readonly run: (values: Readonly<Record<Option, number>>, say: Say) => Promise<readonly BenchRow[]>;
}): Bench {
  return {
    name,
    summary,
    options,
    measure: (values, say) => {
      const own = Object.entries<BenchOption>(options).map(([option, { default: usual }]) => [
        option,
        values[option] ?? usual,
      ]);
      return run(Object.fromEntries(own) as Readonly<Record<Option, number>>, say);
    },
  };
}
