interface Placed {
  readonly row: { readonly position: number };
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
