const TRIES = 4;

/**
 * The result of `start`, which is retried a few times: a port that was found free may be taken before a server listens
 * on it.
 */
export async function onFreePorts<T>(start: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await start();
    } catch (error) {
      if (tries === TRIES) throw error;
    }
  }
}
