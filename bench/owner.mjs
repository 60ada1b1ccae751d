export const owner = { label: 'flotsam.bench', value: 'bench' }
export const ownerLabels = { [owner.label]: owner.value }
/** As the `docker` command filters by it. */
export const ownerFilter = `label=${owner.label}=${owner.value}`
