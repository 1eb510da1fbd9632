import type { S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';

const Request = z.object({ protocol: z.string(), hostname: z.string(), port: z.number().optional() });
const Marked = z.object({ requestOrigin: z.string() });

/** The server did not answer in time, or did not even accept the connection. The SDK does not retry it. */
class NoAnswerError extends Error {
  override readonly name = 'NoAnswer';
}

/** Adds the destination to network errors, and keeps the SDK from retrying an unanswered request unless `repeatsSilence`. */
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
        // Without its cause, by which the SDK would still recognise a timeout.
        const error = isSilent ? new NoAnswerError(thrown.message) : thrown;
        const request = 'request' in args ? Request.safeParse(args.request).data : undefined;
        if (request) Object.defineProperty(error, 'requestOrigin', { value: originOf(request) });
        throw error;
      }
    },
    // Inside of the SDK's own retries.
    { step: 'finalizeRequest', priority: 'low', name: 'explainNetworkFaults' },
  );
}

/** The destination of the request behind a network error: `http://127.0.0.1:7070`; undefined if unknown. */
export function requestOriginOf(error: unknown): string | undefined {
  return Marked.safeParse(error).data?.requestOrigin;
}

function originOf({ protocol, hostname, port }: z.infer<typeof Request>): string {
  return `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`;
}

const HOW: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ECONNABORTED: 'connection aborted',
  EPIPE: 'connection closed',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the host name cannot be resolved at the moment',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
};

/** How a request failed on the network, as a short text; undefined if it got no answer in time. */
export function networkFaultText(fault: {
  readonly name: string;
  readonly systemCode: string;
}): string | undefined {
  const { name, systemCode } = fault;
  if (name === 'TimeoutError' || name === 'NoAnswer' || systemCode === 'ETIMEDOUT') return undefined;
  return HOW[systemCode] ?? systemCode;
}
