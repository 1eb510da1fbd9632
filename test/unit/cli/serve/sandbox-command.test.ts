import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { jobTime, misbehaviourRate, rate, sandboxHelp } from '../../../../src/cli/terminal/option-parsers.js';
import { sandbox, type SandboxCommandOptions } from '../../../../src/cli/serve/sandbox.js';
import { MISBEHAVIOUR_NAMES } from '../../../../src/local/sandbox/misbehaviour.js';
import { performCommand, type CapturedStream } from '../../../support/commands/command-run.js';
import { eventually } from '../../../support/eventually.js';
import { startScriptedServer } from '../../../support/services/scripted-server.js';

const OPTIONS: SandboxCommandOptions = {
  host: '127.0.0.1',
  port: 0,
  imagesPort: 0,
  key: 'sandbox-key',
  json: false,
};

const Places = z.object({
  baseUrl: z.string(),
  apiKey: z.string(),
  imagesUrl: z.string(),
  controlUrl: z.string(),
});

describe('sandbox options', () => {
  it('accept one job time or a range', () => {
    expect(jobTime('5s')).toEqual({ min: 5000, max: 5000 });
    expect(jobTime('200ms..6s')).toEqual({ min: 200, max: 6000 });
  });

  it.each(['6s..2s', '1s..2s..3s', '..', 'soon', '5'])('refuse the job time %s', (text) => {
    expect(() => jobTime(text)).toThrow(/Expected/);
  });

  it('accept rates from 0 to 1', () => {
    expect([rate('0'), rate('.5'), rate('1')]).toEqual([0, 0.5, 1]);
    for (const text of ['', '1.01', '-0.1', '5%', 'NaN']) expect(() => rate(text)).toThrow(/from 0 to 1/);
  });

  it('collect the rates of single misbehaviours and refuse unknown ones', () => {
    expect(misbehaviourRate('image-cut=0.05', misbehaviourRate('job-flaky=1'))).toEqual({
      'job-flaky': 1,
      'image-cut': 0.05,
    });
    expect(() => misbehaviourRate('image-cat=0.05')).toThrow(/--help/);
  });

  it('list every misbehaviour in the help', () => {
    for (const name of MISBEHAVIOUR_NAMES) expect(sandboxHelp()).toContain(name);
  });
});

describe('the sandbox command', () => {
  it('answers until interrupted, and then prints statistics', async () => {
    const controller = new AbortController();
    const streams: CapturedStream[] = [];
    const running = performCommand(
      sandbox,
      { ...OPTIONS, json: true },
      { interrupted: controller.signal, onStart: (stdout) => streams.push(stdout) },
    );
    const text = await eventually(() => streams.map(({ text }) => text).find((text) => text.endsWith('\n')), {
      what: 'it is up',
    });
    const places = Places.parse(JSON.parse(text));
    const headers = { authorization: `Bearer ${places.apiKey}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ prompt: 'a banana', aspect_ratio: '1:1', resolution: '1K' });
    await fetch(`${places.baseUrl}/text-generations`, { method: 'POST', headers, body });
    controller.abort();
    const { code, stderr } = await running;
    expect(code).toBe(0);
    expect(stderr).toMatch(/jobs created +1\n/);
    await expect(fetch(`${places.baseUrl}/balance`)).rejects.toThrow('fetch failed');
  });

  it('prints variables to copy into another terminal', async () => {
    const { stdout } = await performCommand(
      sandbox,
      { ...OPTIONS, key: "it's" },
      { interrupted: AbortSignal.abort() },
    );
    expect(stdout).toMatch(/^export BANANAHUB_BASE_URL=http:\/\/127\.0\.0\.1:\d+\/api\/v1$/m);
    expect(stdout).toContain(`export BANANAHUB_API_KEY='it'\\''s'\n`);
  });

  it('reports a port that is in use', async () => {
    const other = await startScriptedServer();
    try {
      const port = Number(new URL(other.origin).port);
      const run = performCommand(sandbox, { ...OPTIONS, port }, { interrupted: AbortSignal.abort() });
      await expect(run).rejects.toThrow(new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}`));
    } finally {
      await other.close();
    }
  });

  it('reports an invalid option', async () => {
    const run = performCommand(
      sandbox,
      { ...OPTIONS, balance: 'much' },
      { interrupted: AbortSignal.abort() },
    );
    await expect(run).rejects.toThrow(/balance: expected digits/);
  });
});
