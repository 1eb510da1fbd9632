import type { Model } from '../domain/generation-settings.js';
import type { CreateGenerationRequest } from './client.js';

/** Where text-to-image goes for each model, and whether `resolution` may be sent. Source: the API contract, "Models and endpoints". */
const TEXT_GENERATIONS: Readonly<
  Record<Model, { readonly path: string; readonly takesResolution: boolean }>
> = {
  nb: { path: '/nb/text-generations', takesResolution: false },
  nb2: { path: '/nb2/text-generations', takesResolution: true },
  pro: { path: '/text-generations', takesResolution: true },
};

/** The path below the base URL and the JSON body of a create. */
export function createEndpoint(request: CreateGenerationRequest): {
  readonly path: string;
  readonly body: Readonly<Record<string, string>>;
} {
  const { path, takesResolution } = TEXT_GENERATIONS[request.model];
  const { prompt, aspectRatio, resolution, callbackUrl } = request;
  return {
    path,
    body: {
      prompt,
      aspect_ratio: aspectRatio,
      ...(takesResolution && { resolution }),
      ...(callbackUrl !== undefined && { callback_url: callbackUrl }),
    },
  };
}
