import { makeTelemetryFilterString, Runtime, type LogMetadata } from '@temporalio/worker';
import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';

/** A log on standard error: readable on a terminal, a JSON document a line elsewhere. */
export function logToStderr(isTerminal: boolean, colour: boolean): Logger {
  const options = { level: 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime } as const;
  return isTerminal
    ? pino(options, pretty({ colorize: colour, destination: 2, sync: true }))
    : pino(options, pino.destination({ fd: 2, sync: true }));
}

/** A log in a file, a JSON document a line, made with its folders and appended to. */
export function logToFile(path: string): Logger {
  return pino(
    { level: 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: path, mkdir: true, sync: true }),
  );
}

/** Sends what Temporal's SDK has to say to `log`. Once a process, before anything of the SDK's worker is used. */
export function logTemporalTo(log: Logger): void {
  const say =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, meta?: LogMetadata): void => {
      log[level](meta ?? {}, message);
    };
  Runtime.install({
    logger: {
      log: (level, message, meta) => {
        const name = level.toLowerCase();
        if (name === 'warn' || name === 'error' || name === 'info') say(name)(message, meta);
      },
      trace: () => undefined,
      debug: () => undefined,
      info: say('debug'),
      warn: say('warn'),
      error: say('error'),
    },
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} },
    },
    shutdownSignals: [],
  });
}
