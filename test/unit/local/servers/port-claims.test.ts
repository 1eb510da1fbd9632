import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import getPort from 'get-port';
import { expect, it } from 'vitest';
import { claimPort } from '../../../../src/local/servers/port-claims.js';
import { choosePorts } from '../../../../src/local/servers/stack-data.js';
import { temporaryFolder } from '../../../support/temporary-folder.js';

const LISTENERS = ['temporal', 'temporalUi', 's3', 'api', 'images'] as const;

/** Claims a port in another process, which then ends. */
const CLAIM_ELSEWHERE = `
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('error', () => console.log('refused')).bind({ port: Number(process.argv[1]), address: '127.0.0.1', exclusive: true }, () => {
    console.log('claimed');
    socket.close();
  });`;

it('a claimed port is refused to other processes, and granted again to this one', async () => {
  const temporal = await getPort();
  expect([await claimPort(temporal), await claimPort(temporal)]).toEqual([true, true]);
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', CLAIM_ELSEWHERE, String(temporal)]);
  expect(stdout).toBe('refused\n');
});

it('another port is chosen if another process has claimed the preferred one', async () => {
  const folder = await temporaryFolder();
  try {
    const other = createSocket('udp4');
    other.bind({ port: 0, address: '127.0.0.1', exclusive: true });
    await once(other, 'listening');
    const { port } = other.address();
    await writeFile(
      join(folder.path, 'ports.json'),
      JSON.stringify(Object.fromEntries(LISTENERS.map((listener, index) => [listener, port + index]))),
    );
    const ports = await choosePorts(folder.path, new Set(LISTENERS));
    expect(ports.temporal).not.toBe(port);
    expect(new Set(Object.values(ports)).size).toBe(LISTENERS.length);
    other.close();
  } finally {
    await folder.remove();
  }
});
