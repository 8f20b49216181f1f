export { type Fault, type OciProxy, type ProxiedRequest, startOciProxy } from './proxy.ts';
export { type OciRegistry, type OciRegistryOptions, startOciRegistry } from './registry.ts';
