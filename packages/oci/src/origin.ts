/** Where a registry is reached: over https, unless it is on this machine's loopback or `insecure` says otherwise. */
export function originOf(name: string, insecure: boolean | undefined): URL {
  const host = name === 'docker.io' ? 'registry-1.docker.io' : name;
  const { hostname } = new URL(`http://${host}`);
  return new URL(`${(insecure ?? isLoopback(hostname)) ? 'http' : 'https'}://${host}`);
}

/** Whether a registry may lead to an address: to plain http only when it is reached so itself, and for the same reason. */
export function isSafe(url: URL, origin: URL, insecure: boolean | undefined): boolean {
  if (url.protocol === 'https:') return true;
  return url.protocol === 'http:' && origin.protocol === 'http:' && (insecure ?? isLoopback(url.hostname));
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}
