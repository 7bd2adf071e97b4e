variable "region" {
  description = "Region of everything."
  type        = string
  default     = "eu-central-1"
}

variable "project" {
  description = "Name before every name, and a tag of everything."
  type        = string
  default     = "navi"
}

variable "environment" {
  description = "Which environment it is."
  type        = string
  default     = "staging"
  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "Either staging or production."
  }
}

variable "owner" {
  description = "Team that answers for it, a tag of everything."
  type        = string
}

variable "vpc_id" {
  description = "Network that it lies in."
  type        = string
}

variable "private_subnet_ids" {
  description = "Subnets without a way in from the internet, in two zones or more."
  type        = list(string)
  validation {
    condition     = length(var.private_subnet_ids) >= 2
    error_message = "Two subnets or more, in different zones."
  }
}

variable "database_class" {
  description = "Machine of the database."
  type        = string
  default     = "db.t4g.medium"
}

variable "node_type" {
  description = "Machine of the cluster's nodes."
  type        = string
  default     = "m7i.large"
}

variable "kubernetes_version" {
  description = "Version of the cluster, 1.31 or later."
  type        = string
  default     = "1.33"
}

variable "backup_days" {
  description = "Days for which backups are kept."
  type        = number
  default     = 35
}
