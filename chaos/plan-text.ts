import type { ChaosPlan } from './plan.js';

/** The plan as printed before a run: a line for each batch and each fault, in order of time. */
export function planText(plan: ChaosPlan): string {
  const { options, durationMs, workers, misbehaviour, batches, faults } = plan;
  const events = [
    ...batches.map(({ atMs, name, rows, concurrency, markedShare, poison }) => ({
      atMs,
      text: `submit ${name}: ${rows} rows, concurrency ${concurrency}, ${Math.round(markedShare * 100)} % marked${poison ? `, one ${poison}` : ''}`,
    })),
    ...faults.map(({ atMs, forMs, kind, share }) => ({
      atMs,
      text: `${kind}${forMs > 0 ? ` for ${seconds(forMs)} s` : ''} (${share.toFixed(2)})`,
    })),
  ].sort((a, b) => a.atMs - b.atMs);
  const head = `seed ${options.seed}: ${seconds(durationMs)} s, ${workers} workers, ${misbehaviour * 100} % misbehaviour, ${batches.length} batches, ${faults.length} faults`;
  return [head, ...events.map(({ atMs, text }) => `${seconds(atMs).padStart(7)}  ${text}`)].join('\n');
}

/** Seconds with one decimal. */
export function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}
