import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { EmbeddedError } from '../servers/embedded-error.js';
import { stackInfoSchema } from '../servers/stack-info.js';

/*
 * The messages between a command and the keeper of a folder's servers, as lines of JSON over one loopback connection.
 * The open connection itself marks the use: the kernel closes it when the command's process ends in any way.
 */

/** The parts of a stack, in listing order. */
export const PART_NAMES = ['temporal', 's3', 'sandbox'] as const;

export type PartName = (typeof PART_NAMES)[number];

/** An error in a message from the keeper to its users: `code` of an EmbeddedError, `disk` of one of the file system. */
const faultSchema = z.object({
  message: z.string(),
  code: z.enum(['server-missing', 'server-failed', 'stack-running', 'stack-data-broken']),
  disk: z.object({ code: z.string(), syscall: z.string(), path: z.string().optional() }).optional(),
});

export type Fault = z.infer<typeof faultSchema>;

/** The first line of a user. */
export const requestSchema = z.object({
  /** From the private file with the keeper's port. */
  token: z.string(),
  pid: z.int(),
  parts: z.array(z.enum(PART_NAMES)),
  /** Whether the user can run this folder's worker; only one user at a time is chosen. */
  worker: z.boolean(),
  /** Refused if another user has this name. */
  single: z.string().optional(),
});

export type KeeperRequest = z.infer<typeof requestSchema>;

/** The lines of the keeper: `ready`, after `turn`, or `failed` first. */
export const newsSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ready'), info: stackInfoSchema, serverPids: z.array(z.int()) }),
  z.object({ kind: z.literal('failed'), fault: faultSchema }),
  /** For users that can run the worker: whether it is this one's turn, and whether others would take over. */
  z.object({ kind: z.literal('turn'), isOurs: z.boolean(), hasOthers: z.boolean() }),
  /** A server has ended by itself; the others follow. */
  z.object({ kind: z.literal('lost'), fault: faultSchema }),
  /** The servers have been stopped, and the keeper ends. */
  z.object({ kind: z.literal('ended') }),
]);

export type KeeperNews = z.infer<typeof newsSchema>;

/** The keeper's report to the process that started it: it listens, another keeper was faster, or why it cannot. */
export const startReportSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('listening') }),
  z.object({ kind: z.literal('taken') }),
  z.object({ kind: z.literal('failed'), fault: faultSchema }),
]);

export type StartReport = z.infer<typeof startReportSchema>;

/** Sends one line; the end of the connection shows that a peer is gone. */
export function sendLine(socket: Socket, message: KeeperRequest | KeeperNews): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}

/** Calls `use` with every parsed line; an invalid line ends the connection. */
export function onLines<T>(socket: Socket, schema: z.ZodType<T>, use: (message: T) => void): void {
  createInterface({ input: socket }).on('line', (line) => {
    let message: T;
    try {
      message = schema.parse(JSON.parse(line));
    } catch {
      socket.destroy();
      return;
    }
    use(message);
  });
}

/** An error in the form of a message. */
export function faultOf(error: unknown): Fault {
  const message = error instanceof Error ? error.message : String(error);
  const disk = diskOf(error);
  return {
    message,
    code: error instanceof EmbeddedError ? error.code : 'server-failed',
    ...(disk && { disk }),
  };
}

/** The error of a message, so that it has the same text on this side. */
export function errorOf({ message, code, disk }: Fault): Error {
  return disk ? Object.assign(new Error(message), disk) : new EmbeddedError(code, message);
}

function diskOf(error: unknown): Fault['disk'] {
  if (!(error instanceof Error) || error instanceof EmbeddedError) return undefined;
  const found = z
    .object({ code: z.string(), syscall: z.string(), path: z.string().optional() })
    .safeParse(error);
  return found.success ? found.data : diskOf(error.cause);
}
