/**
 * What GitHub asks for a minute on its runners in US dollars, by the number of cores. From the page 'Actions runner
 * pricing' of GitHub's documentation (content/billing/reference/actions-runner-pricing.md in github/docs), with the
 * prices since January 2026. Standard runners cost nothing in public repositories, and elsewhere beyond the minutes
 * that a plan includes; GitHub rounds each job up to a whole minute.
 */
const perMinute: Readonly<Record<string, Readonly<Record<number, number>>>> = {
  'Linux X64': { 1: 0.002, 2: 0.006, 4: 0.012, 8: 0.022, 16: 0.042, 32: 0.082, 64: 0.162, 96: 0.252 },
  'Linux ARM64': { 2: 0.005, 4: 0.008, 8: 0.014, 16: 0.026, 32: 0.05, 64: 0.098 },
  'Windows X64': { 2: 0.01, 4: 0.022, 8: 0.042, 16: 0.082, 32: 0.162, 64: 0.322, 96: 0.552 },
  'Windows ARM64': { 2: 0.008, 4: 0.014, 8: 0.026, 16: 0.05, 32: 0.098, 64: 0.194 },
  'macOS X64': { 4: 0.062, 12: 0.077 },
  'macOS ARM64': { 3: 0.062, 5: 0.102 },
};
/** The runners with a GPU. */
const perMinuteWithGpu: Readonly<Record<string, number>> = { Linux: 0.052, Windows: 0.102 };

/** A runner as it describes itself: RUNNER_OS, RUNNER_ARCH. */
export interface HostedRunner {
  os: string;
  arch: string;
  cores: number;
  hasGpu: boolean;
}

/** The price of an hour in US dollars: that of the smallest runner with as many cores. Undefined for unknown ones. */
export function hostedPricePerHour({ os, arch, cores, hasGpu }: HostedRunner): number | undefined {
  const withGpu = hasGpu ? perMinuteWithGpu[os] : undefined;
  if (withGpu !== undefined) return withGpu * 60;
  const prices = Object.entries(perMinute[`${os} ${arch}`] ?? {}).sort(([a], [b]) => Number(a) - Number(b));
  const [, price] = prices.find(([listed]) => Number(listed) >= cores) ?? prices.at(-1) ?? [];
  return price === undefined ? undefined : price * 60;
}
