import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand, type Variables } from '../../support/commands/command-line.js';
import { eventually } from '../../support/eventually.js';
import { startForwardProxy, type ForwardProxy } from '../../support/services/forward-proxy.js';
import { startScriptedServer, type ScriptedServer } from '../../support/services/scripted-server.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

const PASSWORD = 'hush-hush-proxy';

/** Hosts unknown to DNS: whatever bypasses the proxy fails. */
describe('behind a forward proxy', { timeout: 240_000 }, () => {
  let engine: TestEngine;
  let web: ScriptedServer;
  let proxy: ForwardProxy;
  let variables: Variables;
  beforeAll(async () => {
    [engine, web] = await Promise.all([
      startTestEngine({ sandbox: { jobTimeMs: { min: 100, max: 300 } } }),
      startScriptedServer(),
    ]);
    web.answerWith(({ method }, response) =>
      response.writeHead(200).end(method === 'POST' ? '' : 'prompt\na fox\nan owl\n'),
    );
    proxy = await startForwardProxy({
      'api.banana.test:80': new URL(engine.apiUrl).origin,
      's3.banana.test:9000': engine.s3Endpoint,
      'sheets.banana.test:80': web.origin,
      'notices:80': web.origin,
    });
    variables = {
      ...engine.variables,
      // Images are on this machine, which is never reached through a proxy.
      BANANA_ALLOW_PRIVATE_ADDRESSES: 'true',
      BANANAHUB_BASE_URL: `http://api.banana.test${new URL(engine.apiUrl).pathname}`,
      AWS_ENDPOINT_URL_S3: 'http://s3.banana.test:9000',
      BANANA_NOTIFY_URL: 'http://notices/all',
      BANANA_NOTIFY_SECRET: `whsec_${Buffer.from('a key of thirty-two bytes, or so').toString('base64')}`,
      HTTP_PROXY: proxy.url,
      HTTPS_PROXY: proxy.url,
      // gRPC uses these, but must not for Temporal on this machine.
      http_proxy: proxy.url,
      https_proxy: proxy.url,
    };
  });
  afterAll(async () => {
    await engine?.stop();
    await Promise.all([proxy?.close(), web?.close()]);
  });

  const balance = (own: Variables) =>
    runCommand(['balance'], {
      cwd: engine.folder.path,
      variables: { ...variables, ...own },
      withinMs: 120_000,
    });

  it('a batch is submitted, made, stored, reported and shown', async () => {
    const worker = await engine.startWorker({ variables });
    const command = (args: readonly string[]) =>
      runCommand(args, { cwd: engine.folder.path, variables, withinMs: 120_000 });
    const submitted = await command(['submit', 'http://sheets.banana.test/prompts.csv', '--yes']);
    expect(submitted).toMatchObject({ code: 0 });
    await eventually(async () => (await engine.statusOf('prompts')).state === 'completed', {
      what: 'the batch has ended',
      withinMs: 90_000,
    });
    expect(await engine.statusOf('prompts')).toMatchObject({ stored: 2 });
    await eventually(() => web.seen.some(({ path, method }) => method === 'POST' && path === '/all'), {
      what: 'a notice has come',
      withinMs: 60_000,
    });
    const doctor = await command(['doctor']);
    expect(doctor.stdout + doctor.stderr).toMatch(/api.banana.test accepts the key/);
    expect(new Set(proxy.targets)).toEqual(
      new Set(['api.banana.test:80', 's3.banana.test:9000', 'sheets.banana.test:80', 'notices:80']),
    );
    const outputs = [submitted, doctor, worker.output()]
      .map(({ stdout, stderr }) => stdout + stderr)
      .join('');
    expect(outputs).not.toContain(PASSWORD);
    expect(outputs).not.toContain(Buffer.from(`proxy-user:${PASSWORD}`).toString('base64'));
  });

  it('NO_PROXY bypasses it, and a refusing proxy is reported without its password', async () => {
    const before = proxy.targets.length;
    const direct = await balance({ no_proxy: 'banana.test' });
    expect(direct.code).toBe(2);
    expect(direct.stderr).toContain('ENOTFOUND');
    expect(proxy.targets).toHaveLength(before);
    const refused = await balance({ http_proxy: proxy.url.replace(PASSWORD, 'hush-wrong') });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('407');
    expect(refused.stderr).not.toContain('hush');
    expect((await balance({ http_proxy: `socks5://me:${PASSWORD}@127.0.0.1:1` })).stderr).toMatch(
      /HTTP_PROXY is not the address of an HTTP proxy: (?!.*hush)/,
    );
    expect((await balance({})).code).toBe(0);
  });
});
