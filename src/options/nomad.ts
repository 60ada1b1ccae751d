/** The label that a Nomad client puts on each of its containers. */
export const nomadAllocationLabel = 'com.hashicorp.nomad.alloc_id'
