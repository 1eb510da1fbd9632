import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { samplePng } from '../images/sample-images.js';
import type { ScriptedServer, SeenRequest } from './scripted-server.js';

/** A word of the service's own: it is in each of its texts, once in small letters. */
export const SERVICE_WORD = 'quagga';
/** A word of every prompt. */
const PROMPT_WORD = 'zanzibar';

const letters = (text: string, spell: (code: number) => string): string =>
  Array.from(text, (letter) => spell(letter.codePointAt(0) ?? 0)).join('');

/** The forms in which the service quotes a prompt. */
const QUOTES: readonly ((prompt: string) => string)[] = [
  (prompt) => prompt,
  (prompt) => Array.from(prompt).join('\u200d'),
  (prompt) => letters(prompt, (code) => `\\u${code.toString(16).padStart(4, '0')}`),
  (prompt) => letters(prompt, (code) => `&#${code};`),
  (prompt) => prompt.toUpperCase(),
  (prompt) => prompt.slice(prompt.indexOf(PROMPT_WORD) + 2),
];

/** Whether a text contains a word of the service or of a prompt, in any form that the service uses. */
export function hasServiceWords(text: string): boolean {
  const closed = text.replaceAll(/[\s\u200d]+|\\u200d/gu, '');
  return [SERVICE_WORD, PROMPT_WORD.slice(2)].some((word) =>
    [
      word,
      letters(word, (code) => `&#${code};`),
      letters(word, (code) => `\\u${code.toString(16).padStart(4, '0')}`),
    ]
      .flatMap((form) => [form, form.replaceAll('\\', '\\\\')])
      .some((form) => closed.toLowerCase().includes(form)),
  );
}

/** A prompt of a kind that is quoted in the n-th form. */
export function quotedPrompt(kind: string, form: number): string {
  return `${kind} ${form} a ${PROMPT_WORD} with marmalade on toast`;
}

export const FORMS = QUOTES.length;

interface Requested {
  readonly kind: string;
  readonly text: string;
}

/** How often a temporary fault is answered; an empty account gets few requests for an image. */
const timesOf = (kind: string): number => (kind.endsWith('-402') ? 2 : 4);

/**
 * Scripts a service that quotes prompts in all its texts. A prompt's first word decides what it does: `create-STATUS`
 * refuses the create permanently; `late-STATUS` the first creates of its kind; `poll-STATUS` the first polls of jobs of
 * its kind; `odd` returns an unknown status first; `id` and `answer` answer unusably; `image-…` returns a bad image;
 * `good` a valid one. All others fail, as their kind says.
 */
export function quoteInAllAnswers(service: ScriptedServer): void {
  const jobs = new Map<string, Requested & { looks: number }>();
  const answered = new Map<string, number>();
  const isDue = (kind: string): boolean => {
    const count = (answered.get(kind) ?? 0) + 1;
    answered.set(kind, count);
    return count <= timesOf(kind);
  };

  const create = (body: string, response: ServerResponse): void => {
    const { prompt } = JSON.parse(body) as { prompt: string };
    const [, kind = '', form = '0'] = /^(\S+) (\d+)/.exec(prompt) ?? [];
    const text = `${SERVICE_WORD} ${kind} "${(QUOTES[Number(form)] ?? String)(prompt)}"`;
    const [name, status] = kind.split('-');
    const isRefused = name === 'create' || (name === 'late' && isDue(kind));
    if (isRefused) return refuse(response, Number(status), text);
    if (kind === 'id') return json(response, 202, { job_id: text });
    const jobId = randomUUID();
    jobs.set(jobId, { kind, text, looks: 0 });
    return json(response, 202, { job_id: jobId });
  };

  const look = (jobId: string, response: ServerResponse): void => {
    const job = jobs.get(jobId);
    if (!job) return json(response, 404, { detail: `${SERVICE_WORD}: ${jobId}` });
    job.looks += 1;
    const { kind, text } = job;
    const [name, status = ''] = kind.split('-');
    if (name === 'poll' && isDue(kind)) return refuse(response, Number(status), text);
    if (kind === 'answer' && job.looks <= timesOf(kind))
      return json(response, 200, { status: 5, said: text });
    if (kind === 'odd' && job.looks <= timesOf(kind))
      return json(response, 200, { status: text, message: `paused: ${text}` });
    if (name === 'image' || name === 'good') {
      return json(response, 200, {
        status: 'done',
        result: { image_url: `${service.origin}/image/${jobId}` },
      });
    }
    return json(response, 200, {
      status: 'failed',
      error: { message: `${kind === 'refused' ? 'policy: ' : ''}${text}` },
    });
  };

  service.answerWith(({ method, path, body }: SeenRequest, response) => {
    if (path === '/balance')
      return json(response, 200, { balance: '9.00', reserved: '0.00', available: '9.00' });
    if (method === 'POST') return create(body, response);
    const id = path.split('/').at(-1) ?? '';
    const job = jobs.get(id);
    return path.startsWith('/image') && job ? image(job, response) : look(id, response);
  });
}

/** Errors in JSON, those of proxies as pages. */
function refuse(response: ServerResponse, status: number, text: string): void {
  if (status < 500)
    return json(
      response,
      status,
      { detail: [{ loc: ['body', text], msg: text }] },
      { 'x-why': SERVICE_WORD },
    );
  response.writeHead(status, { 'content-type': 'text/html' }).end(`<html><body><p>${text}</p></body></html>`);
}

function image({ kind, text }: Requested, response: ServerResponse): void {
  switch (kind.split('-')[1]) {
    case undefined:
      response.writeHead(200, { 'content-type': 'image/png' }).end(samplePng(8, 8));
      return;
    case 'page':
      response.writeHead(200, { 'content-type': 'text/html' }).end(`<html><title>${text}</title></html>`);
      return;
    case 'moved':
      response.writeHead(302, { location: `http://${SERVICE_WORD}.invalid/${PROMPT_WORD}` }).end(text);
      return;
    default:
      response
        .writeHead(Number(kind.split('-')[1]), { 'content-type': 'application/xml' })
        .end(`<Error><Message>${text.replaceAll('&', '&amp;')}</Message></Error>`);
  }
}

function json(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify(value));
}
