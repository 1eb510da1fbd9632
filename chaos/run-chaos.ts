import { setMaxListeners } from 'node:events';
import { openArena, type Arena } from './arena.js';
import { GROUP_NAMES } from './fault-kinds.js';
import { keepEvidence } from './evidence.js';
import { judge } from './judge.js';
import { planChaos, type ChaosOptions } from './plan.js';
import { planText, seconds } from './plan-text.js';
import { batchesTable, faultsTable } from './results-text.js';
import { FaultRunner, rest } from './throw-faults.js';

/** How long batches may take to finish once all faults have ended. */
const RECOVERY_MS = 8 * 60_000;
/** How long the plan waits for the first workers. */
const WORKERS_UP_MS = 60_000;
const PROGRESS_EVERY_MS = 10_000;
const LOOK_EVERY_MS = 500;
const FREE_STUCK_EVERY_MS = 20_000;

/**
 * Injects a plan's faults into batches on its own servers, lets the batches finish, and judges each. Returns the exit
 * code: 0 if every batch is correct, 1 if not, 130 if interrupted. No process is left in any case.
 */
export async function runChaos(options: ChaosOptions, interrupted: AbortSignal): Promise<number> {
  const plan = planChaos(options);
  // Each event of the plan waits for it.
  setMaxListeners(0, interrupted);
  console.log(planText(plan));
  const startedMs = performance.now();
  const say = (text: string): void => {
    console.log(`${seconds(performance.now() - startedMs).padStart(7)}  ${text}`);
  };
  interrupted.addEventListener('abort', () => say('interrupted: stopping everything'), {
    once: true,
  });
  const arena = await openArena(plan, say);
  try {
    const faults = new FaultRunner(arena);
    await attack(arena, faults, interrupted);
    if (interrupted.aborted) return 130;
    return await conclude(arena, faults);
  } finally {
    await arena.stop();
  }
}

/** Starts the batches, injects the faults, and returns once all batches have finished or their time is up. */
async function attack(arena: Arena, faults: FaultRunner, interrupted: AbortSignal): Promise<void> {
  const { plan, batches, workers, say } = arena;
  const upBy = performance.now() + WORKERS_UP_MS;
  while (workers.up < plan.workers && performance.now() < upBy && !interrupted.aborted)
    await rest(LOOK_EVERY_MS, interrupted);
  say('the plan starts');
  const done = new AbortController();
  const progress = tellProgress(arena, faults, done.signal);
  try {
    await Promise.all([
      rest(plan.durationMs, interrupted),
      ...plan.batches.map(async (batch) => {
        await rest(batch.atMs, interrupted);
        if (!interrupted.aborted) batches.begin(batch);
      }),
      ...GROUP_NAMES.map((name) => {
        const ofLane = plan.faults.filter(({ lane }) => lane === name);
        return faults.runGroup(ofLane, plan.durationMs, interrupted);
      }),
    ]);
    say('all faults have ended');
    batches.acceptLosses();
    const deadline = performance.now() + RECOVERY_MS;
    let freeAt = performance.now() + FREE_STUCK_EVERY_MS;
    while (batches.unfinished.length > 0 && performance.now() < deadline && !interrupted.aborted) {
      await rest(LOOK_EVERY_MS, interrupted);
      if (performance.now() < freeAt) continue;
      await batches.freeStuck();
      freeAt = performance.now() + FREE_STUCK_EVERY_MS;
    }
  } finally {
    done.abort();
    await progress;
  }
}

async function tellProgress(
  { engine, workers, batches, say }: Arena,
  faults: FaultRunner,
  done: AbortSignal,
): Promise<void> {
  for (await rest(PROGRESS_EVERY_MS, done); !done.aborted; await rest(PROGRESS_EVERY_MS, done)) {
    const holds = batches.running.flatMap(({ snapshot }) => snapshot?.holds.map(({ scope }) => scope) ?? []);
    const facts = [
      `${batches.all.length - batches.unfinished.length} of ${batches.all.length} batches finished`,
      `${engine.sandbox.stats().jobsMade} jobs`,
      `${workers.up} workers`,
      ...(holds.length > 0 ? [`held: ${holds.join(' ')}`] : []),
      ...(faults.inForce.length > 0 ? [`faults: ${faults.inForce.join(' ')}`] : []),
    ];
    say(`… ${facts.join(', ')}`);
  }
}

async function conclude(arena: Arena, faults: FaultRunner): Promise<number> {
  const { plan, say } = arena;
  const { batches, problems } = await judge(arena);
  console.log(batchesTable(batches));
  console.log(faultsTable(faults.counts));
  const { retriedTooEarly, replays, tooManyRequests } = arena.engine.sandbox.stats();
  console.log(
    `${replays} creates repeated, ${retriedTooEarly} of ${tooManyRequests} retried before their Retry-After`,
  );
  const unsound = batches.filter((judgement) => judgement.problems.length > 0);
  if (unsound.length === 0 && problems.length === 0) {
    say(`every batch is correct (seed ${plan.options.seed})`);
    return 0;
  }
  for (const { batch, problems } of unsound) {
    for (const problem of problems) console.log(`INCORRECT ${batch.batchId}: ${problem}`);
  }
  for (const problem of problems) console.log(`INCORRECT: ${problem}`);
  const evidence = await keepEvidence(
    arena,
    unsound.map(({ batch }) => batch),
  );
  const { seed, minutes } = plan.options;
  console.log(`Ledgers, histories and logs: ${evidence}`);
  console.log(`Repeat: npm run chaos -- --minutes ${minutes} --seed ${seed} --workers ${plan.workers}`);
  return 1;
}
