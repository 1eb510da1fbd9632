import { log } from '@temporalio/workflow';
import type { Notice } from '../domain/batch/notice.js';
import { deliveryProxies } from './activity-proxies.js';

/** Delivers one notice. Fails if the receiver refuses it for good, or does not accept it within three days. Nothing waits for it. */
export async function deliverNotice(notice: Notice): Promise<void> {
  try {
    await deliveryProxies().postNotice(notice);
  } catch (error) {
    log.warn('A notice was not delivered; it is not retried any more.', {
      notice: notice.id,
      event: notice.type,
    });
    throw error;
  }
}
