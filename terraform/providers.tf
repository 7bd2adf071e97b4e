# NAVI's staging in AWS. See ../docs/STAGING.md.
terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
  # The bucket and the key are given to `terraform init`, so that no account's name stands here.
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region
  default_tags {
    tags = {
      project     = var.project
      environment = var.environment
      owner       = var.owner
      managed_by  = "terraform"
    }
  }
}

data "aws_caller_identity" "this" {}
