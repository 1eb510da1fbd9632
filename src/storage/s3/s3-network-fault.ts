import type { S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';

const Request = z.object({ protocol: z.string(), hostname: z.string(), port: z.number().optional() });
const Marked = z.object({ requestOrigin: z.string() });

/** A server that took the connection, or not even that, and said nothing in time. The SDK does not repeat it. */
class NoAnswerError extends Error {
  override readonly name = 'NoAnswer';
}

/** Makes errors of the network say where the request went, and keeps the SDK from repeating a request without an answer unless `repeatsSilence`. */
export function explainNetworkFaults(
  client: S3Client,
  { repeatsSilence }: { readonly repeatsSilence: boolean },
): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (thrown) {
        if (!(thrown instanceof Error)) throw thrown;
        const isSilent = thrown.name === 'TimeoutError' && !repeatsSilence;
        // Without its cause, by which the SDK would know it for a time-out after all.
        const error = isSilent ? new NoAnswerError(thrown.message) : thrown;
        const request = 'request' in args ? Request.safeParse(args.request).data : undefined;
        if (request) Object.defineProperty(error, 'requestOrigin', { value: originOf(request) });
        throw error;
      }
    },
    // Inside of the SDK's own repetition.
    { step: 'finalizeRequest', priority: 'low', name: 'explainNetworkFaults' },
  );
}

/** Where the request of an error of the network went: `http://127.0.0.1:7070`; undefined where it says nothing. */
export function requestOriginOf(error: unknown): string | undefined {
  return Marked.safeParse(error).data?.requestOrigin;
}

function originOf({ protocol, hostname, port }: z.infer<typeof Request>): string {
  return `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`;
}

const HOW: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection broken off',
  ECONNABORTED: 'connection broken off',
  EPIPE: 'connection broken off',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the host name cannot be resolved at the moment',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
};

/** How a request failed on the network, in a few words; undefined where it got no answer in time. */
export function networkFaultText(fault: {
  readonly name: string;
  readonly systemCode: string;
}): string | undefined {
  const { name, systemCode } = fault;
  if (name === 'TimeoutError' || name === 'NoAnswer' || systemCode === 'ETIMEDOUT') return undefined;
  return HOW[systemCode] ?? systemCode;
}
