import { Client } from '@temporalio/client';
import { behindGate, RequestGate } from '../../activities/worker/request-gate.js';
import { createBananaHubClient } from '../../bananahub/http-client.js';
import { requireParts } from '../../config.js';
import { logToStderr } from '../terminal/log.js';
import { startReceiver } from '../../bananahub/webhooks/receiver.js';
import { connectTemporal } from '../terminal/batch-access.js';
import { EXIT, type Command } from '../terminal/command-context.js';
import { aborted } from './dev.js';

export interface WebhooksCommandOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly json: boolean;
}

/** Receives webhooks until Ctrl-C or SIGTERM. Needs Temporal and the API; the workers' polls find what it misses. */
export const webhooks: Command<WebhooksCommandOptions> = async (context, { host, port, json }) => {
  const { config, environment, interrupted, stdout, stderr } = context;
  const parts = requireParts(config, ['temporal', 'api', 'webhooks']);
  const log = logToStderr(stderr.isTTY, !environment['NO_COLOR']);
  const connection = await connectTemporal(parts.temporal);
  const api = behindGate(
    createBananaHubClient({ ...parts.api, secrets: parts.webhooks.secrets }),
    new RequestGate(),
  );
  try {
    const client = new Client({ connection, namespace: parts.temporal.namespace });
    const receiver = await startReceiver({
      listen: { host, port },
      webhooks: parts.webhooks,
      parts: { api, client },
      log,
    });
    try {
      const place = { host, port: receiver.port };
      if (json) stdout.write(`${JSON.stringify({ ...place, url: parts.webhooks.url })}\n`);
      log.info({ ...place, temporal: parts.temporal.address }, 'Receiving webhooks.');
      context.finishing('the receiver (accepted deliveries are still passed on)');
      await aborted(interrupted);
    } finally {
      await receiver.close();
    }
    return EXIT.ok;
  } finally {
    await Promise.all([api.close(), connection.close()]);
  }
};
