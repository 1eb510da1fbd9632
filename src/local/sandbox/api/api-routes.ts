import type { IncomingMessage } from 'node:http';
import { labelOf, textError, type Answer } from '../answer.js';
import { API_PATH, CREATE_ENDPOINTS } from '../contract.js';
import { answerControl } from './control.js';
import type { CreateRoute } from './create-route.js';
import { readBody, urlOf } from './http-exchange.js';
import type { ImageUrls } from '../images/image-urls.js';
import { answerBalance, answerJob } from './read-routes.js';
import type { SandboxCore } from '../sandbox-core.js';

/** What the routes need. */
export interface ApiParts {
  readonly core: SandboxCore;
  readonly imageUrls: ImageUrls;
  readonly creates: CreateRoute;
}

/** The answer to any request on the API's port, counted by its kind. */
export async function answerApi(parts: ApiParts, request: IncomingMessage): Promise<Answer> {
  const { core, imageUrls, creates } = parts;
  const method = request.method ?? 'GET';
  const path = urlOf(request).pathname;
  const { authorization } = request.headers;
  const body = await readBody(request);
  if (body === undefined) return textError(413, 'Request body too large');
  if (path === '/control' || path.startsWith('/control/')) return answerControl(core, method, path, body);

  const route = path.startsWith(`${API_PATH}/`) ? path.slice(API_PATH.length) : '';
  const endpoint = CREATE_ENDPOINTS.get(route);
  if (endpoint !== undefined && method === 'POST') {
    const idempotencyKey = request.headers['idempotency-key']?.toString();
    const answer = await creates.answer({ endpoint, authorization, idempotencyKey, body });
    core.tally.creates.add(labelOf(answer));
    return answer;
  }
  const jobId = /^\/jobs\/([^/]+)$/.exec(route)?.[1];
  if (jobId !== undefined && method === 'GET') {
    const answer = answerJob(core, imageUrls, jobId, authorization);
    core.tally.polls.add(labelOf(answer));
    return answer;
  }
  if (route === '/balance' && method === 'GET') {
    const answer = answerBalance(core, authorization);
    core.tally.balanceReads.add(labelOf(answer));
    return answer;
  }
  const known = endpoint !== undefined || jobId !== undefined || route === '/balance';
  return known ? textError(405, 'Method Not Allowed') : textError(404, 'Not Found');
}
