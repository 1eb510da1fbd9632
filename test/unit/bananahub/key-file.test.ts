import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BananaHubClient } from '../../../src/bananahub/client.js';
import { createBananaHubClient } from '../../../src/bananahub/http-client.js';
import type { Redact } from '../../../src/bananahub/texts/redact-secrets.js';
import { readConfig, requireSound } from '../../../src/config.js';
import { startScriptedServer, type ScriptedServer } from '../../support/services/scripted-server.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.js';

const OLD = 'bh_live_old_1b7f0c9a5d3e';
const NEW = 'bh_live_new_8e2d6a4c0f91';
const BALANCE = { balance: '1.00', reserved: '0.00', available: '1.00' };

let folder: TemporaryFolder;
let file: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  file = path.join(folder.path, 'key');
});
afterEach(() => folder.remove());

const problemsOf = (variables: Readonly<Record<string, string>> = {}) =>
  readConfig({ BANANAHUB_API_KEY_FILE: file, ...variables }, undefined).problems;

describe('BANANAHUB_API_KEY_FILE', () => {
  it.each([OLD, `${OLD}\n`, `\n ${OLD}\r\n\n`])(
    'contains the key, with or without white space around it: %j',
    async (text) => {
      await writeFile(file, text);
      const config = readConfig({ BANANAHUB_API_KEY: '', BANANAHUB_API_KEY_FILE: file }, undefined);
      expect(config.api).toMatchObject({ origin: 'environment', apiKey: OLD, apiKeyFile: file });
      expect(() => requireSound(config)).not.toThrow();
    },
  );

  it.each(['', ' \n', `${OLD} ${NEW}`, `${OLD}\n${NEW}\n`, 'ключ-very-secret'])(
    'with other content is a problem of the API only, reported without the content: %j',
    async (text) => {
      await writeFile(file, text);
      const problems = problemsOf();
      expect([...problems.keys()]).toEqual(['api']);
      const [message = ''] = problems.get('api') ?? [];
      expect(message).toContain(`BANANAHUB_API_KEY_FILE is ${file}`);
      expect(message).not.toMatch(/bh_live|ключ|very-secret/);
    },
  );

  it('is a problem if unreadable, and no local sandbox replaces it', () => {
    const stack = { pid: 1, startedAt: '', api: { baseUrl: 'http://127.0.0.1:1/api/v1', apiKey: 'sandbox' } };
    for (const name of [file, folder.path]) {
      const config = readConfig({ BANANAHUB_API_KEY_FILE: name }, stack);
      expect(config.problems.get('api')).toEqual([expect.stringContaining(name)]);
      expect(() => config.api).toThrow(name);
    }
  });

  it('cannot be combined with BANANAHUB_API_KEY', async () => {
    await writeFile(file, OLD);
    const [message = ''] = problemsOf({ BANANAHUB_API_KEY: NEW }).get('api') ?? [];
    expect(message).toMatch(/BANANAHUB_API_KEY and BANANAHUB_API_KEY_FILE are both set/);
    expect(message).not.toContain('bh_live');
  });
});

describe('a client whose key comes from a file', () => {
  let server: ScriptedServer;
  let client: BananaHubClient & { readonly redact: Redact };
  let accepted = OLD;
  beforeEach(async () => {
    await writeFile(file, `${OLD}\n`);
    accepted = OLD;
    server = await startScriptedServer();
    server.answerWith(({ headers }, response) => {
      const isAccepted = headers['authorization'] === `Bearer ${accepted}`;
      const body = isAccepted ? BALANCE : { detail: `no such key: ${OLD}, and no ${NEW}` };
      response.writeHead(isAccepted ? 200 : 401).end(JSON.stringify(body));
    });
    client = createBananaHubClient({ baseUrl: server.origin, apiKey: OLD, apiKeyFile: file });
  });
  afterEach(async () => {
    await client.close();
    await server.close();
  });
  const keysSent = () => server.seen.map(({ headers }) => headers['authorization']);

  it('reads the file again after a 401, and uses the new key for the next call', async () => {
    const { account } = client;
    await client.getBalance();
    accepted = NEW;
    await writeFile(file, `${NEW}\n`);
    await expect(client.getBalance()).rejects.toMatchObject({ code: 'unauthorized' });
    expect(keysSent()).toEqual([`Bearer ${OLD}`, `Bearer ${OLD}`]);
    await client.getBalance();
    expect(keysSent().at(-1)).toBe(`Bearer ${NEW}`);
    expect(client.account).not.toBe(account);
  });

  it('repeats neither key in its messages', async () => {
    await writeFile(file, NEW);
    client.renewKey();
    accepted = 'another';
    const refused = client.getBalance();
    await expect(refused).rejects.toThrow('no such key: [key], and no [key]');
    expect(client.redact(`${OLD} ${NEW}`)).toBe('[key] [key]');
  });

  it('keeps its key while the file has none', async () => {
    for (const text of ['', 'two words']) {
      await writeFile(file, text);
      client.renewKey();
      await client.getBalance();
    }
    await folder.remove();
    client.renewKey();
    await expect(client.getBalance()).resolves.toEqual(BALANCE);
  });

  it('sends no create with another key than intended', async () => {
    const { account } = client;
    await writeFile(file, NEW);
    client.renewKey();
    const request = {
      prompt: 'a fox',
      model: 'pro',
      resolution: '1K',
      aspectRatio: '1:1',
      inputImageUrls: [],
    } as const;
    await expect(client.createGeneration(request, { idempotencyKey: 'a', account })).rejects.toMatchObject({
      code: 'unauthorized',
    });
    expect(server.seen).toEqual([]);
  });
});
