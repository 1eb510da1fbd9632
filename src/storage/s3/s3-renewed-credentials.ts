import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { isRefusedAccess } from './s3-error.js';

/** A process or token service that provides credentials is not called at every refused request. */
const RENEW_EVERY_MS = 5_000;

/**
 * Reads credentials again when a request is refused, since they may have been rotated at their source (the shared
 * credentials file, a process, a token file); the SDK reads them once. The request is repeated with the new ones,
 * unless its body is a stream that has been sent.
 */
export function renewCredentials(client: S3Client): void {
  let renewedAtMs = -Infinity;
  const current = async (forceRefresh: boolean): Promise<string | undefined> => {
    try {
      const { accessKeyId, secretAccessKey, sessionToken } = await client.config.credentials({
        forceRefresh,
      });
      return JSON.stringify([accessKeyId, secretAccessKey, sessionToken]);
    } catch {
      return undefined;
    }
  };
  client.middlewareStack.add(
    (next) => async (args) => {
      const before = await current(false);
      try {
        return await next(args);
      } catch (error) {
        if (!isRefusedAccess(error)) throw error;
        let after = await current(false);
        if (after === before && performance.now() - renewedAtMs >= RENEW_EVERY_MS) {
          renewedAtMs = performance.now();
          after = await current(true);
        }
        const isStream = 'Body' in args.input && args.input.Body instanceof Readable;
        if (after === before || after === undefined || isStream) throw error;
        return next(args);
      }
    },
    { step: 'initialize', priority: 'high', name: 'renewCredentials' },
  );
}
