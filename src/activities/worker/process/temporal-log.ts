import { makeTelemetryFilterString, Runtime, type LogMetadata } from '@temporalio/worker';
import type { Logger } from 'pino';

/** Sends the log of Temporal's SDK to `log`. Call once per process, before using the SDK's worker. */
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
