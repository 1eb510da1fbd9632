interface Placed {
  readonly row: { readonly position: number };
}

/**
 * The rows of a run's shards in the order of the batch. Those of the first may lie anywhere among the others, where they
 * are a canary, and are kept in memory; the others follow each other.
 */
export async function* shardsByPosition<T extends Placed>(
  shards: readonly (() => AsyncGenerator<T>)[],
): AsyncGenerator<T> {
  const [first, ...others] = shards;
  if (!first) return;
  const canaries: T[] = [];
  for await (const row of first()) canaries.push(row);
  yield* mergedByPosition(eachOf(canaries), inTurn(others));
}

async function* eachOf<T>(rows: readonly T[]): AsyncGenerator<T> {
  yield* rows;
}

async function* inTurn<T>(shards: readonly (() => AsyncGenerator<T>)[]): AsyncGenerator<T> {
  for (const shard of shards) yield* shard();
}

/** Two streams of rows, each in the order of the batch, as one in that order. Both are ended, whatever happens. */
export async function* mergedByPosition<T extends Placed>(
  first: AsyncGenerator<T>,
  second: AsyncGenerator<T>,
): AsyncGenerator<T> {
  try {
    let [a, b] = [await first.next(), await second.next()];
    while (!a.done || !b.done) {
      if (!a.done && (b.done || a.value.row.position < b.value.row.position)) {
        yield a.value;
        a = await first.next();
      } else if (!b.done) {
        yield b.value;
        b = await second.next();
      }
    }
  } finally {
    await first.return(undefined);
    await second.return(undefined);
  }
}
