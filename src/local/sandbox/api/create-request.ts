import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { FieldProblem } from '../answer.js';
import {
  aspectRatiosOf,
  CREATE_ENDPOINTS,
  INPUT_IMAGES,
  RESOLUTIONS,
  type Endpoint,
  type Resolution,
} from '../contract.js';

/** A create whose body is valid for its endpoint. */
export interface CreateRequest extends Endpoint {
  /** Without null bytes. */
  readonly prompt: string;
  readonly aspectRatio: string;
  readonly resolution: Resolution;
  readonly inputImageUrls: readonly string[];
  readonly callbackUrl: string | null;
  /** Identifies bodies: equal for equal requests to the same endpoint. */
  readonly digest: string;
}

const httpUrl = z.url({ protocol: /^https?$/, error: 'URL scheme should be http or https' });

function schemaOf(endpoint: Endpoint) {
  return z.strictObject({
    prompt: z
      .string()
      .transform((prompt) => prompt.replaceAll('\0', ''))
      .pipe(
        z
          .string()
          .min(1, 'String should have at least 1 character')
          .refine((prompt) => !prompt.includes('[[invalid]]'), 'Prompt is invalid'),
      ),
    aspect_ratio: z.enum(aspectRatiosOf(endpoint)),
    callback_url: httpUrl.nullish(),
    ...(endpoint.model === 'nb' ? {} : { resolution: z.enum(RESOLUTIONS) }),
    ...(endpoint.mode === 'text'
      ? {}
      : { input_images_urls: z.array(httpUrl).min(1).max(INPUT_IMAGES.most) }),
  });
}

/** The fields that only some endpoints have, after validation by the endpoint's own schema. */
const optionalFields = z.object({
  resolution: z.enum(RESOLUTIONS).default('1K'),
  input_images_urls: z.array(z.string()).default([]),
});

const schemas = new Map([...CREATE_ENDPOINTS.values()].map((endpoint) => [endpoint, schemaOf(endpoint)]));

function problemsOf(error: z.ZodError): readonly FieldProblem[] {
  return error.issues.flatMap((issue): FieldProblem[] => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        loc: ['body', key],
        msg: 'Extra inputs are not permitted',
        type: 'extra_forbidden',
      }));
    }
    const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
    return [{ loc: ['body', ...path], msg: issue.message, type: issue.code }];
  });
}

/**
 * The create in a JSON body for an endpoint, or all errors of it. Stricter than the contract where that says nothing:
 * fields that the endpoint lacks are refused.
 */
export function parseCreateRequest(
  endpoint: Endpoint,
  text: string,
): { readonly request: CreateRequest } | { readonly problems: readonly FieldProblem[] } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { problems: [{ loc: ['body', 0], msg: 'JSON decode error', type: 'json_invalid' }] };
  }
  const schema = schemas.get(endpoint) ?? schemaOf(endpoint);
  const parsed = schema.safeParse(json);
  if (!parsed.success) return { problems: problemsOf(parsed.error) };
  const { prompt, aspect_ratio, callback_url } = parsed.data;
  const { resolution, input_images_urls } = optionalFields.parse(parsed.data);
  const { model, mode } = endpoint;
  const fields = [model, mode, prompt, aspect_ratio, resolution, input_images_urls, callback_url ?? null];
  return {
    request: {
      model,
      mode,
      prompt,
      aspectRatio: aspect_ratio,
      resolution,
      inputImageUrls: input_images_urls,
      callbackUrl: callback_url ?? null,
      digest: createHash('sha256').update(JSON.stringify(fields)).digest('hex'),
    },
  };
}
