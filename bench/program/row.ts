/** The unit of a row's figures. */
export type Unit =
  | 's'
  | 'ms'
  | 'bytes'
  | 'rows/s'
  | 'images/s'
  | 'requests'
  | 'jobs'
  | 'events'
  | 'creates/s';

/** Another program's figure, or why there is none. */
export type Peer =
  | { readonly name: string; readonly figure: number }
  | { readonly name: string; readonly missing: string };

/** How the ratio is formed: the first figure ÷ the second. */
export type RatioOf = 'limit ÷ ours' | 'ours ÷ limit' | 'peer ÷ ours' | 'ours ÷ peer';

/** One line of the table. All its figures were measured or computed in the same run. */
export interface BenchRow {
  /** The bench that measured it. */
  readonly bench: string;
  /** What is measured, with the settings that matter. */
  readonly what: string;
  readonly unit: Unit;
  /** Undefined if this machine cannot measure it: CPU time and memory of other processes need Linux. */
  readonly ours: number | undefined;
  /** The best other program that does the same work. */
  readonly peer?: Peer;
  /** What no program could improve on. */
  readonly limit?: number | undefined;
  /** Absent if there is nothing to compare with. */
  readonly ratioOf?: RatioOf;
}

/** A peer's figure, or "not available" if this machine cannot measure it. */
export function peerOf(name: string, figure: number | undefined): Peer {
  return figure === undefined ? { name, missing: 'not available' } : { name, figure };
}

/** The row's ratio; undefined if it has none, or a figure is missing or makes no sense as a divisor. */
export function ratioOf({ ours, peer, limit, ratioOf }: BenchRow): number | undefined {
  if (ratioOf === undefined) return undefined;
  const peers = peer && 'figure' in peer ? peer.figure : undefined;
  const figures = { ours, peer: peers, limit };
  const [above, below] = RATIOS[ratioOf].map((name) => figures[name]);
  if (above === undefined || below === undefined || !(below > 0)) return undefined;
  return above / below;
}

const RATIOS = {
  'limit ÷ ours': ['limit', 'ours'],
  'ours ÷ limit': ['ours', 'limit'],
  'peer ÷ ours': ['peer', 'ours'],
  'ours ÷ peer': ['ours', 'peer'],
} as const satisfies Record<RatioOf, readonly ['ours' | 'peer' | 'limit', 'ours' | 'peer' | 'limit']>;
