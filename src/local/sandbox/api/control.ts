import { z } from 'zod';
import { fieldErrors, textError, type Answer } from '../answer.js';
import { sandboxPatchSchema, type Settings } from '../options.js';
import type { SandboxCore } from '../sandbox-core.js';

const jsonText = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'not JSON' });
    return z.NEVER;
  }
});

/** Keys may be real ones that someone pasted: only their ends are shown. */
function mask(key: string): string {
  return `…${key.slice(-4)}`;
}

function shown(settings: Settings) {
  const { keyRevoked } = settings;
  return {
    ...settings,
    keys: settings.keys.map((key) => ({ ...key, key: mask(key.key) })),
    keyRevoked: typeof keyRevoked === 'boolean' ? keyRevoked : keyRevoked.map(mask),
  };
}

/**
 * Answers the control endpoint, on the API's port but outside of its path, without a key:
 *
 * - `GET /control` → `{"settings": …, "stats": …}`
 * - `POST /control` with any settings of `SandboxPatch` as JSON changes them and answers like the GET, such
 * as `{"outage": {"api": "down503"}}`, `{"rates": {"image-cut": 0.1}}`, `{"next": {"create-lost-answer": 1}}`,
 * `{"everything": 0.03}`, `{"balance": "0"}`, `{"keyRevoked": true}`, `{"pausedModels": ["pro"]}`.
 * Errors give a 422 with the list of problems, and nothing is changed.
 * - `GET /control/jobs` → `{"jobs": [{"jobId", "promptSha256", "model", "idempotencyKey", "status", "polls",
 * "createdAt", "finishedAt", "pollsToEnd", "noticedAfterMs"}]}`
 */
export function answerControl(core: SandboxCore, method: string, path: string, body: string): Answer {
  const overview = (): Answer => ({
    kind: 'json',
    status: 200,
    body: { settings: shown(core.settings), stats: core.stats() },
  });
  if (path === '/control/jobs' && method === 'GET') {
    return { kind: 'json', status: 200, body: { jobs: core.jobs.list(core.now()) } };
  }
  if (path !== '/control') return textError(404, 'Not found');
  if (method === 'GET') return overview();
  if (method !== 'POST') return textError(405, 'Method not allowed');
  const patch = jsonText.pipe(sandboxPatchSchema).safeParse(body);
  if (!patch.success) {
    return fieldErrors(
      patch.error.issues.map(({ path, message, code }) => ({
        loc: ['body', ...path.map((step) => (typeof step === 'number' ? step : String(step)))],
        msg: message,
        type: code,
      })),
    );
  }
  core.configure(patch.data);
  return overview();
}
