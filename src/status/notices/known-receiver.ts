/** Why a well-known service cannot receive notices at this URL, and what to do; undefined for every other receiver. */
export function receiverProblem(
  url: string,
): { readonly message: string; readonly advice: string } | undefined {
  const { hostname, pathname } = new URL(url);
  if (isHostOf(hostname, TEAMS_HOSTS)) {
    return {
      message: `${hostname} is Microsoft Teams, which does not show notices in this form.`,
      advice:
        'Create a Power Automate flow that starts with "When an HTTP request is received" and posts the field "text" of the body to the channel, or put a small program in between: docs/notifications.md',
    };
  }
  if (isHostOf(hostname, DISCORD_HOSTS) && !/\/slack\/?$/.test(pathname)) {
    return {
      message: `${hostname} is Discord, which accepts notices only at the Slack-compatible address of its webhook.`,
      advice: 'Append /slack to BANANA_NOTIFY_URL.',
    };
  }
  return undefined;
}

const DISCORD_HOSTS = ['discord.com', 'discordapp.com'];
/** Of Teams' own webhooks; Power Automate flows have other hosts and can be set up to accept any body. */
const TEAMS_HOSTS = [
  'webhook.office.com',
  'outlook.office.com',
  'outlook.office365.com',
  'teams.microsoft.com',
];

function isHostOf(hostname: string, domains: readonly string[]): boolean {
  return domains.some((domain) => hostname === domain || hostname.endsWith(`.${domain}`));
}
