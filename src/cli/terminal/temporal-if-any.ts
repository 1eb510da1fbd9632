import { Client, type Connection } from '@temporalio/client';
import type { Config, TemporalConfig } from '../../config.js';
import { asPart } from '../../domain/text/full-stop.js';
import { UsageError } from '../../errors.js';
import { connectTemporal, withBucketIfAny, type BucketIfAny } from './batch-access.js';
import { askBucket } from './bucket-answer.js';

/** Temporal, or why a command must work without it. */
export type TemporalIfAny =
  | { readonly kind: 'there'; readonly client: Client }
  | { readonly kind: 'away'; readonly problem: string };

/** Gives `use` a client if Temporal answers in time, and closes it afterwards. */
export async function withTemporalIfAny<T>(
  config: Pick<Config, 'temporal'>,
  use: (temporal: TemporalIfAny) => Promise<T>,
): Promise<T> {
  let temporal: TemporalConfig | undefined;
  try {
    ({ temporal } = config);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return use({ kind: 'away', problem: asPart(error.message) });
  }
  if (!temporal) return use({ kind: 'away', problem: 'Temporal is not configured' });
  const { address, namespace } = temporal;
  let connection: Connection;
  try {
    connection = await connectTemporal(temporal);
  } catch {
    return use({ kind: 'away', problem: `Temporal at ${address} does not answer` });
  }
  try {
    return await use({ kind: 'there', client: new Client({ connection, namespace }) });
  } finally {
    await connection.close();
  }
}

/** Gives `use` the bucket and Temporal as far as they answer; both are asked at the same time. */
export async function withWhatAnswers<T>(
  config: Config,
  use: (found: BucketIfAny, temporal: TemporalIfAny) => Promise<T>,
): Promise<T> {
  const answer = askBucket(config);
  return withTemporalIfAny(config, (temporal) =>
    withBucketIfAny(config, (found) => use(found, temporal), answer),
  );
}
