/** What an inspection says of a running container, whole, except for what a test cares for. */
export function wholeContainer(id: string, fields: Readonly<Record<string, unknown>> = {}): object {
  return {
    Id: id,
    Created: '2026-01-01T00:00:01.5Z',
    Name: '/task',
    Image: `sha256:${'ab'.repeat(32)}`,
    RestartCount: 0,
    State: {
      Status: 'running',
      Running: true,
      Paused: false,
      Restarting: false,
      Dead: false,
      StartedAt: '2026-01-01T00:00:02Z',
      FinishedAt: '0001-01-01T00:00:00Z',
    },
    Config: { Labels: { a: 'b' } },
    HostConfig: { NetworkMode: 'none', PidMode: '', IpcMode: 'private', UTSMode: '', CgroupParent: '' },
    HostnamePath: '/engine/hostname',
    HostsPath: '/engine/hosts',
    ResolvConfPath: '/engine/resolv.conf',
    GraphDriver: { Data: { UpperDir: '/engine/diff' }, Name: 'overlay2' },
    Mounts: [],
    ...fields,
  }
}
