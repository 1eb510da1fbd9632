import { ApplicationFailure } from '@temporalio/common';
import { BananaHubError } from '../bananahub/errors.js';
import { ImageDownloadError } from '../bananahub/images/image-download-error.js';
import type { ServiceTexts } from '../ledger/service-texts.js';
import type { RunRef } from '../storage/layout.js';
import { BatchFault, batchFault } from './hold-causes.js';
import { ownMessage } from './own-message.js';

/** The same activity, but its failures enter the history without any text of the service or the image host; those texts are kept in the bucket. */
export function forHistory<Input extends { readonly run: RunRef }, Result>(
  serviceTexts: Pick<ServiceTexts, 'keep'>,
  activity: (input: Input) => Promise<Result>,
): (input: Input) => Promise<Result> {
  return async (input) => {
    try {
      return await activity(input);
    } catch (error) {
      if (error instanceof BatchFault && error.text !== undefined) {
        const { cause, ...details } = error.fault;
        throw batchFault({
          ...details,
          cause: { ...cause, ...(await serviceTexts.keep(input.run, error.text)) },
        });
      }
      if (!(error instanceof BananaHubError) && !(error instanceof ImageDownloadError)) throw error;
      const message = `A request to ${error instanceof BananaHubError ? 'BananaHub' : 'the image host'} failed (${ownMessage(error)}).`;
      throw ApplicationFailure.create({ type: error.name, message });
    }
  };
}
