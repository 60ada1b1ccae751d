import { isBelow } from '../dialect.ts'
import type { View } from './view.ts'

/** A container's network endpoint. Nothing is actually connected. */
export function endpointShape({ dialect, version }: View): object {
  const knows = (dockerdApi: string, podman: string): boolean =>
    dialect.isPodman ? !isBelow(version.engine, podman) : !isBelow(version.api, dockerdApi)
  return {
    IPAMConfig: null,
    Links: null,
    Aliases: null,
    MacAddress: '',
    DriverOpts: null,
    ...(knows('1.48', '5.8') ? { GwPriority: 0 } : {}),
    NetworkID: '',
    EndpointID: '',
    Gateway: '',
    IPAddress: '',
    IPPrefixLen: 0,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    ...(knows('1.44', '5.0') ? { DNSNames: null } : {}),
  }
}
