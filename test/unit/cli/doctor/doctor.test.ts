import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { balance } from '../../../../src/cli/doctor/balance.js';
import { clockFinding } from '../../../../src/cli/doctor/api.js';
import { nodeFinding } from '../../../../src/cli/doctor/local.js';
import { doctor } from '../../../../src/cli/doctor/doctor.js';
import type { ApiConfig, Config } from '../../../../src/config.js';
import { performCommand } from '../../../support/commands/command-run.js';
import { startScriptedServer, type ScriptedServer } from '../../../support/services/scripted-server.js';

const Checkup = z.object({
  ok: z.boolean(),
  checks: z.array(
    z.object({ name: z.string(), state: z.string(), message: z.string(), advice: z.string().optional() }),
  ),
});

async function checkup(config: Partial<Config>) {
  const { code, stdout, stderr } = await performCommand(doctor, { json: true }, { config });
  const { ok, checks } = Checkup.parse(JSON.parse(stdout));
  const byName = new Map(checks.map((check) => [check.name, check]));
  return { code, ok, stdout, stderr, check: (name: string) => byName.get(name) };
}

describe('doctor', () => {
  let server: ScriptedServer;
  beforeAll(async () => {
    server = await startScriptedServer();
  });
  afterAll(async () => {
    await server.close();
  });
  const api = (): ApiConfig => ({
    origin: 'environment',
    baseUrl: `${server.origin}/api/v1`,
    apiKey: 'a-secret-key',
  });

  it('reports everything as missing without a configuration, and how to configure it', async () => {
    const { code, ok, check } = await checkup({});
    expect({ code, ok }).toEqual({ code: 2, ok: false });
    const missing = { temporal: 'warning', bucket: 'problem', api: 'problem' };
    for (const [name, state] of Object.entries(missing)) {
      expect(check(name)).toMatchObject({
        state,
        advice: expect.stringContaining('banana-batch dev'),
      });
    }
  });

  it('checks everything else if one part does not answer', async () => {
    server.answerWith((_, response) => {
      response.end(JSON.stringify({ balance: '12.50', reserved: '2.50', available: '10.00' }));
    });
    const closed = await startScriptedServer();
    await closed.close();
    const { code, check } = await checkup({
      api: api(),
      bucket: {
        origin: 'environment',
        bucket: 'pictures',
        prefix: '',
        s3: {
          endpoint: closed.origin,
          region: 'x',
          credentials: { accessKeyId: 'a', secretAccessKey: 'hidden' },
        },
      },
      temporal: {
        origin: 'environment',
        address: new URL(closed.origin).host,
        connection: { address: new URL(closed.origin).host },
        namespace: 'default',
      },
    });
    expect(code).toBe(2);
    expect(check('temporal')).toMatchObject({
      state: 'problem',
      advice: expect.stringContaining('TEMPORAL_ADDRESS'),
    });
    expect(check('bucket')).toMatchObject({
      state: 'problem',
      message: expect.stringContaining('AWS_ENDPOINT_URL_S3'),
    });
    expect(check('api')).toMatchObject({ state: 'ok', message: expect.stringContaining('10.00 available') });
  }, 30_000);

  it('explains a refused key, and does not show it', async () => {
    server.answerWith((request, response) => {
      response
        .writeHead(401)
        .end(JSON.stringify({ detail: `no such key: ${request.headers.authorization}` }));
    });
    const { code, stdout, check } = await checkup({ api: api() });
    expect(code).toBe(2);
    expect(check('api')).toMatchObject({
      state: 'problem',
      advice: expect.stringContaining('BANANAHUB_API_KEY'),
    });
    expect(stdout).not.toContain('a-secret-key');
    await expect(performCommand(balance, { json: false }, { config: { api: api() } })).rejects.toThrow(
      /: no such key: [^.]*\. The key is not accepted: check BANANAHUB_API_KEY/,
    );
  });

  it.each([404, 308])('explains a base URL that is not the API (%i)', async (status) => {
    server.answerWith((_, response) => {
      response
        .writeHead(status, status === 308 ? { location: 'https://api.banana.test/v2/balance' } : {})
        .end();
    });
    const { check } = await checkup({ api: api() });
    expect(check('api')).toMatchObject({
      state: 'problem',
      message: expect.stringMatching(
        status === 308 ? /redirects to https:\/\/api\.banana\.test\/v2\/balance/ : /404 for GET \/balance/,
      ),
      advice: expect.stringContaining('Set BANANAHUB_BASE_URL'),
    });
  });

  it('warns of an empty account', async () => {
    server.answerWith((_, response) => {
      response.end(JSON.stringify({ balance: '2.00', reserved: '2.00', available: '0.00' }));
    });
    expect((await checkup({ api: api() })).check('api')).toMatchObject({ state: 'warning' });
  });

  it('compares the clock with the date of an answer', async () => {
    server.answerWith((_, response) => {
      response.writeHead(200, { date: new Date(Date.now() + 600_000).toUTCString() }).end('{}');
    });
    expect((await checkup({ api: api() })).check('clock')).toMatchObject({
      state: 'warning',
      message: expect.stringContaining('s behind'),
    });
  });

  it('prints a line for every check, and a summary', async () => {
    const { stdout, code } = await performCommand(doctor, { json: false }, {});
    expect(code).toBe(2);
    expect(stdout).toMatch(
      /^warning +temporal +No Temporal server is configured: .*\n +→ Set TEMPORAL_ADDRESS/m,
    );
    expect(stdout).toMatch(/\n2 problems to fix, \d warnings?\.\n$/);
  });

  it('stops early when interrupted', async () => {
    const { code, stdout } = await performCommand(
      doctor,
      { json: true },
      { interrupted: AbortSignal.abort(), config: { api: api() } },
    );
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
  });
});

describe('the clock', () => {
  it.each([
    [0, 'ok'],
    [60_000, 'ok'],
    [60_001, 'warning'],
    [-60_001, 'warning'],
  ])('%i ms behind a server is %s', (aheadMs, state) => {
    expect(clockFinding(aheadMs, 'https://example.org').state).toBe(state);
  });
});

describe('the version of Node', () => {
  it.each([
    ['20.18.3', 'problem'],
    ['18.20.0', 'problem'],
    ['20.19.0', 'ok'],
    ['22.0.0', 'ok'],
  ])('%s is: %s', (version, state) => {
    expect(nodeFinding(version).state).toBe(state);
  });
});
