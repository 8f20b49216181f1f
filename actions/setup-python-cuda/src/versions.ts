/** Negative where `a` is the older of two versions such as `0.13.9`; numbers that one lacks are zero. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map((part) => Number.parseInt(part, 10)));
  for (let index = 0; index < 3; index++) {
    const difference = (left?.[index] || 0) - (right?.[index] || 0);
    if (difference) return difference;
  }
  return 0;
}
