/** The maximum sizes in src/, so that each folder and file can be read at a glance. */
export const LIMITS = {
  /** Directly in src/. */
  topFiles: 8,
  topFolders: 14,
  /** Files and folders of any folder below it. */
  entries: 15,
  lines: 300,
};

/** What all may use. */
const GROUND = ['errors.ts', 'network'];
/** What workflows may use: nothing in it hashes or does I/O. */
const FOR_WORKFLOWS = [
  'domain/batch',
  'domain/money',
  'domain/rows',
  'domain/text',
  'domain/time',
  'storage/layout.ts',
];
const WORKFLOW_BASE = ['workflows/activity-proxies.ts', 'workflows/free-clock.ts'];
const SHEET_BASE = [
  'sheet/record-place.ts',
  'sheet/sheet-error.ts',
  'sheet/sheet-settings.ts',
  'sheet/source-record.ts',
];
const ACTIVITY_BASE = [
  'activities/retry-or-hold.ts',
  'activities/hold-causes.ts',
  'activities/limits.ts',
  'activities/own-message.ts',
];

/**
 * Which way imports go, lowest first. A key is a room: a folder or file of src/; a folder within a room may be a room
 * of its own. A file may import what is in its own room, what is listed for that room, and what surrounding rooms list,
 * except for their own parts. A room that lists a surrounding one may import the files that are in no room within it.
 * Imports of types count, and the rules themselves must have no circle.
 */
export const MAY_IMPORT = {
  'errors.ts': [],
  network: ['errors.ts'],

  'domain/text': [],
  'domain/time': [],
  'domain/rows': ['domain/text'],
  'domain/money': ['domain/rows'],
  'domain/batch': ['domain/money', 'domain/rows', 'domain/text'],
  'domain/identity': ['domain/rows'],
  'domain/images': ['domain/identity', 'domain/rows'],
  'domain/images/bytes': ['domain/rows'],

  storage: [...GROUND, 'domain'],
  'storage/s3': ['storage'],

  workflows: [...FOR_WORKFLOWS, 'workflows/protocol', 'workflows/shard', 'workflows/batch'],
  // Everything that crosses Temporal.
  'workflows/protocol': [],
  'workflows/shard': [...WORKFLOW_BASE, 'workflows/protocol'],
  'workflows/shard/faults': [...WORKFLOW_BASE, 'workflows/shard'],
  'workflows/shard/row': [...WORKFLOW_BASE, 'workflows/shard', 'workflows/shard/faults'],
  'workflows/batch': [...WORKFLOW_BASE, 'workflows/protocol', 'workflows/run-shard.ts'],

  bananahub: [...GROUND, 'domain', 'bananahub/texts', 'bananahub/http'],
  'bananahub/texts': ['bananahub/errors.ts'],
  'bananahub/http': ['bananahub/texts'],
  'bananahub/images': ['bananahub/texts', 'bananahub/http'],
  'bananahub/webhooks': ['bananahub', 'storage', 'workflows/protocol'],

  sheet: [...GROUND, 'domain', 'sheet/text', 'sheet/cells', 'sheet/records', 'sheet/rows'],
  'sheet/text': SHEET_BASE,
  'sheet/cells': SHEET_BASE,
  'sheet/records': [...SHEET_BASE, 'sheet/text', 'sheet/cells'],
  'sheet/rows': [...SHEET_BASE, 'sheet/cells'],
  'sheet/fetch': ['sheet', 'storage', 'bananahub/http', 'bananahub/images'],

  ledger: [...GROUND, 'domain', 'storage', 'sheet', 'ledger/files'],
  'ledger/files': [],
  'ledger/audit': ['ledger', 'ledger/files'],

  // The stand-in for the API is written from its description alone.
  'local/sandbox': [],
  'local/servers': [...GROUND, 'storage', 'local/sandbox'],
  'local/keeper': ['local/servers'],

  report: [...GROUND, 'domain', 'storage', 'sheet', 'ledger'],
  'report/contact-sheet': ['report'],
  'report/results': ['report'],
  'report/export': ['report'],

  status: [...GROUND, 'domain', 'storage', 'workflows', 'ledger', 'local/servers', 'status/notices'],
  'status/notices': ['bananahub/http'],

  'config-parts.ts': ['errors.ts'],
  'config.ts': [
    'config-parts.ts',
    ...GROUND,
    'domain',
    'storage',
    'bananahub',
    'local/servers',
    'status/notices',
  ],

  plan: [
    ...GROUND,
    'domain',
    'storage',
    'workflows',
    'bananahub',
    'sheet',
    'ledger',
    'status',
    'config.ts',
    'plan/place',
    'plan/rows',
  ],
  'plan/place': [],
  'plan/rows': [],

  schedules: [
    ...GROUND,
    'domain',
    'storage',
    'workflows/protocol',
    'bananahub',
    'sheet',
    'ledger',
    'status',
    'plan',
  ],
  'schedules/firings': ['schedules'],

  activities: [
    ...GROUND,
    'domain',
    'storage',
    'workflows/protocol',
    'bananahub',
    'sheet',
    'ledger',
    'report',
    'status',
    'config.ts',
    'plan',
    'schedules',
    'activities/worker',
    'activities/account',
    'activities/row',
    'activities/batch',
    'activities/firing',
    'activities/ingest',
    'activities/notices',
    'activities/seal',
  ],
  'activities/worker': ACTIVITY_BASE,
  'activities/worker/process': [],
  'activities/account': [...ACTIVITY_BASE, 'activities/worker'],
  'activities/row': [...ACTIVITY_BASE, 'activities/worker'],
  'activities/batch': [...ACTIVITY_BASE, 'activities/worker', 'activities/account', 'activities/row'],
  'activities/firing': [...ACTIVITY_BASE, 'activities/worker'],
  'activities/ingest': ['activities/worker', 'activities/account'],
  'activities/notices': ['activities/worker'],
  'activities/seal': ['activities/worker', 'activities/account', 'activities/batch'],

  'task-workers.ts': ['workflows', 'status', 'activities'],
  'worker.ts': [
    ...GROUND,
    'domain',
    'storage',
    'bananahub',
    'ledger',
    'status',
    'config.ts',
    'plan',
    'activities',
    'task-workers.ts',
  ],
  'load-worker.ts': ['errors.ts', 'domain', 'activities/worker/process', 'worker.ts'],

  'starter.ts': [...GROUND, 'domain', 'storage', 'workflows/protocol', 'ledger', 'sheet', 'status', 'plan'],

  cli: [
    ...GROUND,
    'domain',
    'storage',
    'workflows/protocol',
    'bananahub',
    'sheet',
    'ledger',
    'local',
    'report',
    'status',
    'config.ts',
    'plan',
    'schedules',
    'activities/worker',
    'starter.ts',
    'worker.ts',
    'load-worker.ts',
    'cli/terminal',
  ],
  'cli/terminal': [],
  'cli/program': ['cli', 'cli/terminal'],
  'cli.ts': ['errors.ts', 'cli'],
};

/** Files that hand over to the program when run by themselves; as modules they do not need it. */
export const HANDS_OVER = [['starter.ts', 'cli.ts']];
