import { delimiter, dirname } from 'node:path';
import { isolatedGit } from './git.ts';

/**
 * What a runner would have. Of the user's environment only what a program needs to start and what leads to the outside
 * world (proxy, certificates, package indexes) is taken over: nothing secret, and no setting that changes a result.
 */
const takenOver = [
  /^(PATH|LANG|LC_\w+|TZ|TMPDIR|TEMP|TMP|USER|LOGNAME|SHELL)$/i,
  /^(SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|PATHEXT|PROGRAMFILES.*|PROGRAMDATA|NUMBER_OF_PROCESSORS|PROCESSOR_\w+)$/i,
  /^((https?|no|all|ftp)_proxy)$/i,
  /^(SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NODE_EXTRA_CA_CERTS|GIT_SSL_CAINFO|AWS_CA_BUNDLE)$/,
  /^(PIP_|UV_|npm_config_registry$|GOPROXY$|GONOSUMDB$|GOSUMDB$|GOPRIVATE$)/,
];

/** The environment of act, which hands it on to every step. */
export function runnerEnvironment(home: string, over: Record<string, string>): Record<string, string> {
  const own = Object.entries(process.env).filter(([name]) => takenOver.some((pattern) => pattern.test(name)));
  const env = Object.fromEntries(own) as Record<string, string>;
  const path = Object.keys(env).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH';
  return {
    ...env,
    HOME: home,
    USERPROFILE: home,
    XDG_CONFIG_HOME: `${home}/.config`,
    XDG_CACHE_HOME: `${home}/.cache`,
    XDG_DATA_HOME: `${home}/.local/share`,
    LOCALAPPDATA: `${home}/AppData/Local`,
    APPDATA: `${home}/AppData/Roaming`,
    // act runs node24 actions with the `node` it finds on PATH.
    [path]: [dirname(process.execPath), env[path]].join(delimiter),
    GIT_CONFIG_NOSYSTEM: isolatedGit.GIT_CONFIG_NOSYSTEM,
    GIT_TERMINAL_PROMPT: isolatedGit.GIT_TERMINAL_PROMPT,
    // Steps get a terminal from act, which a runner does not give them: nothing may page, ask or draw.
    PAGER: 'cat',
    GIT_PAGER: 'cat',
    TERM: 'dumb',
    ACT_DISABLE_VERSION_CHECK: '1',
    ...over,
  };
}
