import { makeTelemetryFilterString, Runtime, type LogMetadata } from '@temporalio/worker';
import type { Logger } from 'pino';

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
