import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDownloadAgent } from '../../../src/bananahub/images/download-agent.js';
import { downloadImage } from '../../../src/bananahub/images/image-download.js';
import { createAgent } from '../../../src/network/agent.js';
import { createS3Client } from '../../../src/storage/s3/s3-client.js';
import { startForwardProxy, type ForwardProxy } from '../../support/services/forward-proxy.js';
import { loopbackCertificate } from '../../support/services/loopback-certificate.js';
import { isAvailable } from '../../support/setup/required.js';
import { startScriptedServer, type ScriptedServer } from '../../support/services/scripted-server.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

/** Hosts unknown to DNS: only the proxy can reach them. */
const IMAGES = 'http://images.banana.test/a.png?X-Amz-Signature=hush';

describe('through a forward proxy', () => {
  let server: ScriptedServer;
  let proxy: ForwardProxy;
  beforeAll(async () => {
    server = await startScriptedServer();
    const places = ['images.banana.test:80', '10.1.2.3:80', '169.254.169.254:80', '8.8.8.8:80', '8.8.4.4:80'];
    proxy = await startForwardProxy(Object.fromEntries(places.map((place) => [place, server.origin])));
  });
  afterAll(async () => {
    await proxy?.close();
    await server?.close();
  });

  const environment = () => ({ HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url });

  async function fetched(url: string, allowPrivateAddresses = false): Promise<Buffer> {
    const agent = createDownloadAgent({ allowPrivateAddresses, environment: environment() });
    try {
      return (await downloadImage(url, { agent })).body;
    } finally {
      await agent.destroy();
    }
  }

  it('download images, also if only the proxy can resolve the name', async () => {
    server.answerWith((_, response) => response.writeHead(200).end('image'));
    expect((await fetched(IMAGES)).toString()).toBe('image');
    expect((await fetched('http://8.8.8.8/a.png')).toString()).toBe('image');
    expect(proxy.targets).toEqual(expect.arrayContaining(['images.banana.test:80', '8.8.8.8:80']));
    expect(server.seen[0]?.headers).not.toHaveProperty('proxy-authorization');
  });

  it('cannot reach private and metadata addresses, also behind redirects and names', async () => {
    const before = proxy.targets.length;
    for (const url of [
      'http://10.1.2.3/a.png',
      'http://169.254.169.254/a.png',
      'http://[fd00:ec2::254]/a.png',
    ]) {
      await expect(fetched(url)).rejects.toMatchObject({ code: 'unsafe-address' });
    }
    await expect(fetched('http://169.254.169.254/a.png', true)).rejects.toMatchObject({
      code: 'unsafe-address',
    });
    expect(proxy.targets.slice(before)).toEqual([]);
    server.answerWith((_, response) =>
      response.writeHead(302, { location: 'http://169.254.169.254/x' }).end(),
    );
    await expect(fetched(IMAGES, true)).rejects.toMatchObject({ code: 'unsafe-address' });
    expect(proxy.targets.slice(before)).toEqual(['images.banana.test:80']);
    const inward = createDownloadAgent({
      environment: environment(),
      lookup: (_name, _options, callback) => callback(null, [{ address: '192.168.0.7', family: 4 }]),
    });
    await expect(downloadImage(IMAGES, { agent: inward })).rejects.toMatchObject({ code: 'unsafe-address' });
    await inward.destroy();
    server.answerWith((_, response) => response.writeHead(200).end('image'));
    expect((await fetched('http://10.1.2.3/a.png', true)).toString()).toBe('image');
  });

  it('report a refusing or missing proxy without its password', async () => {
    const wrong = proxy.url.replace('hush-hush', 'hush-wrong');
    for (const HTTP_PROXY of [wrong, 'http://me:hush-hush@127.0.0.1:9']) {
      const agent = createAgent({}, { environment: { HTTP_PROXY } });
      const asking = agent.request({ origin: 'http://8.8.8.8', path: '/', method: 'GET' });
      const error = await asking.catch((thrown: unknown) => thrown);
      expect(String(error)).toMatch(/407|ECONNREFUSED/);
      expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('hush');
      await agent.destroy();
    }
  });

  it.runIf(isAvailable('openssl', hasOpenssl))('https uses a tunnel and trusts only the host', async () => {
    const folder = await temporaryFolder();
    const { key, cert } = await loopbackCertificate(path.join(folder.path));
    const secure = createServer({ key, cert }, (_, response) => response.end('image'));
    await new Promise<void>((resolve) => {
      secure.listen(0, '127.0.0.1', resolve);
    });
    const { port } = secure.address() as AddressInfo;
    const tunnel = await startForwardProxy({ '8.8.8.8:443': `https://127.0.0.1:${port}` });
    const agent = createAgent({}, { environment: { HTTPS_PROXY: tunnel.url } });
    const asking = agent.request({ origin: 'https://8.8.8.8', path: '/', method: 'GET' });
    await expect(asking).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    expect(tunnel.targets).toEqual(['8.8.8.8:443']);
    const client = createS3Client({
      endpoint: 'https://8.8.8.8',
      region: 'us-east-1',
      credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
      maxAttempts: 1,
      environment: { HTTPS_PROXY: tunnel.url },
    });
    const { HeadBucketCommand } = await import('@aws-sdk/client-s3');
    await expect(client.send(new HeadBucketCommand({ Bucket: 'bucket' }))).rejects.toThrow(/self-signed/);
    expect(tunnel.targets).toEqual(['8.8.8.8:443', '8.8.8.8:443']);
    client.destroy();
    await Promise.all([agent.destroy(), tunnel.close(), folder.remove()]);
    secure.close();
  });
});
