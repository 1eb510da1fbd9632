import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';

/** A log on standard error: readable on a terminal, otherwise one JSON document a line. */
export function logToStderr(isTerminal: boolean, colour: boolean): Logger {
  const options = { level: 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime } as const;
  return isTerminal
    ? pino(options, pretty({ colorize: colour, destination: 2, sync: true }))
    : pino(options, pino.destination({ fd: 2, sync: true }));
}

/** A log in a file, one JSON document a line; created with its folders, and appended to. */
export function logToFile(path: string): Logger {
  return pino(
    { level: 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: path, mkdir: true, sync: true }),
  );
}
