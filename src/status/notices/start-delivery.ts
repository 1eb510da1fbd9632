import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import { withinDeadline } from '../../network/temporal-calls.js';
import type { Notice } from '../../domain/batch/notice.js';
import type { deliverNotice } from '../../workflows/deliver-notice.js';
import { noticeWorkflowId } from '../../workflows/protocol/names.js';

/**
 * Starts a workflow that delivers a notice; returns once Temporal has it. A repeated notice is left to the workflow
 * that delivers it, or has. Throws what Temporal's client throws.
 */
export async function startDelivery(client: Client, taskQueue: string, notice: Notice): Promise<void> {
  try {
    await withinDeadline(client.connection, () =>
      client.workflow.start<typeof deliverNotice>('deliverNotice', {
        workflowId: noticeWorkflowId(notice.id),
        taskQueue,
        args: [notice],
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
        workflowIdConflictPolicy: 'FAIL',
        staticSummary: summaryOf(notice),
      }),
    );
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/** For Temporal's UI. */
function summaryOf(notice: Notice): string {
  const about = 'batch' in notice ? notice.batch.batchId : 'schedule' in notice ? notice.schedule : '';
  return `${notice.type} ${about}`.trim();
}
