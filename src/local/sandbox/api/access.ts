import { objectError, textError, type Answer } from '../answer.js';
import type { Endpoint } from '../contract.js';
import type { SandboxKey, Settings } from '../options.js';

/** The key in an Authorization header, or the 401 answer. */
export function authenticate(
  settings: Settings,
  authorization: string | undefined,
): { readonly key: SandboxKey } | { readonly refusal: Answer } {
  const bearer = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (bearer === undefined) return { refusal: textError(401, 'Missing API key') };
  const key = settings.keys.find((candidate) => candidate.key === bearer);
  const { keyRevoked } = settings;
  const revoked = typeof keyRevoked === 'boolean' ? keyRevoked : keyRevoked.includes(bearer);
  if (key === undefined || key.revoked || revoked) return { refusal: textError(401, 'Invalid API key') };
  return { key };
}

/** The 403 for a key that may not use an endpoint, or undefined. */
export function forbid(key: SandboxKey, endpoint: Endpoint): Answer | undefined {
  if (!key.models.includes(endpoint.model)) {
    return objectError(403, `This API key may not use the model ${endpoint.model}`);
  }
  if (!key.modes.includes(endpoint.mode)) {
    return objectError(403, `This API key may not use ${endpoint.mode} generations`);
  }
  return undefined;
}
